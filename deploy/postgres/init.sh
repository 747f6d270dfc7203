#!/bin/bash
# Makes one database, one role and one schema for each service, when the cluster is made.
# No service can connect to another's database, and each finds its tables by its role's name. The
# audit log has roles besides, so that its service cannot change what is in it.
set -euo pipefail

# Beside this script in the container, among the sources elsewhere.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
log_roles="${here}/audit-log-roles.psql"
[ -e "${log_roles}" ] || log_roles="${here}/../../services/audit-log/roles.sql"
log_role_names="audit_log_migrator audit_log_reader audit_log_checkpointer"

for role in ${log_role_names}; do
    secret="${role^^}_PASSWORD"
    if [ -z "${!secret:-}" ]; then
        echo "Set ${secret}: the role ${role} must have a password." >&2
        exit 1
    fi
done

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

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" \
    --dbname=audit_log --file="${log_roles}"
for role in ${log_role_names}; do
    secret="${role^^}_PASSWORD"
    export ROLE_PASSWORD="${!secret}"
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=role="${role}" \
        --username="${POSTGRES_USER:-postgres}" --dbname=audit_log <<'SQL'
\getenv password ROLE_PASSWORD
ALTER ROLE :"role" PASSWORD :'password';
GRANT CONNECT ON DATABASE audit_log TO :"role";
SQL
done
