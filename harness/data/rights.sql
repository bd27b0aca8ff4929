-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who may do what in this database; run again after each change of tables.
-- Roles that are not there yet are left out.  Portal and API read all tables and write
-- them but for those that say who may do what and which code runs.
DO $$
DECLARE who text; defining text;
BEGIN
  FOR who IN SELECT rolname FROM pg_roles
    WHERE rolname IN ('portal', 'api') ORDER BY rolname LOOP
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), who);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', who);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE'
      ' ON ALL TABLES IN SCHEMA public TO %I', who);
    EXECUTE format('GRANT SELECT, UPDATE, USAGE'
      ' ON ALL SEQUENCES IN SCHEMA public TO %I', who);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE tryton IN SCHEMA public'
      ' GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', who);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE tryton IN SCHEMA public'
      ' GRANT SELECT, UPDATE, USAGE ON SEQUENCES TO %I', who);
    FOR defining IN SELECT oid::regclass FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND relname ~ ('^(res_user.*|res_group.*|ir_module.*|ir_model'
          '|ir_model(_access|_button|_data|_field).*|ir_rule.*|ir_ui_.*|ir_action.*'
          '|ir_cron.*|ir_configuration|ir_trigger|ir_trigger__history)$') LOOP
      EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %s FROM %I', defining, who);
    END LOOP;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
END $$;
