#!/bin/bash
# Runs once, on the empty database: two roles, so that nobody who takes over a web server can rewrite what is
# append-only (docs/operations.md). The passwords are read by psql itself: they stand on no command line.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set owner_password `cat "${SECRETS:-/run/secrets}/owner-password"`
\set app_password `cat "${SECRETS:-/run/secrets}/app-password"`
CREATE ROLE registry_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE registry_app LOGIN PASSWORD :'app_password';
CREATE DATABASE registry OWNER registry_owner TEMPLATE template0 ENCODING 'UTF8'
    LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
REVOKE ALL ON DATABASE registry FROM PUBLIC;
GRANT CONNECT ON DATABASE registry TO registry_app;
SQL
