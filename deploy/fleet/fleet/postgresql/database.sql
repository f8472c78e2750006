-- The role and the database of the hubs. PASSWORD_FILE names a file with the password, which the user postgres can read:
--   sudo -u postgres PASSWORD_FILE=/path psql -f database.sql
-- Again: sets the password anew.
\set ON_ERROR_STOP on
\set password `cat "$PASSWORD_FILE"`
SELECT length(:'password') < 16 AS short \gset
\if :short
  DO $$ BEGIN RAISE 'the file that PASSWORD_FILE names has no password of 16 or more characters'; END $$;
\endif
SELECT 'CREATE ROLE headland' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'headland') \gexec
SET password_encryption = 'scram-sha-256';
ALTER ROLE headland LOGIN PASSWORD :'password';
SELECT 'CREATE DATABASE headland OWNER headland' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'headland') \gexec
REVOKE ALL ON DATABASE headland FROM PUBLIC;
