-- SPDX-License-Identifier: GPL-3.0-or-later
-- A database that is not of portal and API: its owner's alone.
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
END $$;
