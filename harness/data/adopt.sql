-- SPDX-License-Identifier: GPL-3.0-or-later
-- Gives what the superuser owns in this database to the owner of databases.
DO $$
DECLARE change text;
BEGIN
  FOR change IN
    SELECT format('ALTER SCHEMA %I OWNER TO tryton', nspname)
    FROM pg_namespace
    WHERE nspowner = current_user::regrole
      AND nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
    UNION ALL
    SELECT format('ALTER %s %s OWNER TO tryton',
      CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
        WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
        WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, oid::regclass)
    FROM pg_class
    WHERE relowner = current_user::regrole AND relkind IN ('r','p','v','m','S','f','c')
      AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = pg_class.oid AND d.deptype IN ('a', 'i', 'e')
        AND (d.deptype = 'e' OR d.refclassid = 'pg_class'::regclass))
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO tryton', oid::regprocedure)
    FROM pg_proc
    WHERE proowner = current_user::regrole
      AND pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
        AND d.objid = pg_proc.oid AND d.deptype = 'e')
    UNION ALL
    SELECT format('ALTER TYPE %s OWNER TO tryton', oid::regtype)
    FROM pg_type
    WHERE typowner = current_user::regrole AND typtype IN ('e', 'd', 'r')
      AND typnamespace::regnamespace::text !~ '^(pg_|information_schema)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
        AND d.objid = pg_type.oid AND d.deptype = 'e')
  LOOP
    EXECUTE change;
  END LOOP;
END $$;
