#!/bin/sh
# Runs once, when the database volume is new: the role that the shop runs as.
#
# It owns no tables and is no superuser, so a hole in the shop cannot drop a table or switch off a trigger.
# POSTGRES_USER owns everything and is used by `migrate` and backups alone.
set -eu

: "${POSTGRES_APP_PASSWORD:?POSTGRES_APP_PASSWORD is not set}"

psql --no-psqlrc -v ON_ERROR_STOP=1 -v password="$POSTGRES_APP_PASSWORD" -v owner="$POSTGRES_USER" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE bytemtaani_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT USAGE ON SCHEMA public TO bytemtaani_app;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO bytemtaani_app;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO bytemtaani_app;
SQL
