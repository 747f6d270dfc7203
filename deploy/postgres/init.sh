#!/bin/bash
# Makes one database, one role and one schema for each service, when the cluster is made.
# No service can connect to another's database, and each finds its tables by its role's name.
set -euo pipefail

for service in intake escalation notify audit_log; do
    secret="${service^^}_PASSWORD"
    if [ -z "${!secret:-}" ]; then
        echo "Set ${secret}: the role ${service} must have a password." >&2
        exit 1
    fi
    # The password is read from the environment, so that no list of processes shows it.
    export ROLE_PASSWORD="${!secret}"
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=service="${service}" \
        --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\getenv password ROLE_PASSWORD
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service";
REVOKE ALL ON DATABASE :"service", postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"service";
\connect :"service"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA :"service" AUTHORIZATION :"service";
SQL
done
