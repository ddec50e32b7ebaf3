#!/bin/bash
# Roles and databases of the lab. Each statement holds on a new cluster and on one that has them already.
set -euo pipefail

# sql DATABASE [NAME=VALUE…]: runs standard input, where :'NAME' is the value as a literal. The values go the same way, as
# arguments of a process are for everyone to read.
sql() {
  local database=$1 pair value
  shift
  {
    for pair; do
      value=${pair#*=}
      value=${value//\\/\\\\}
      printf "\\\\set %s '%s'\n" "${pair%%=*}" "${value//\'/\'\'}"
    done
    cat
  } | psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$database" >/dev/null
}

role() {
  sql postgres "role=$1" "password=$2" <<'SQL'
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I LOGIN', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" PASSWORD :'password';
SQL
}

# database NAME OWNER: only its owner and whom grants name may connect.
database() {
  sql postgres "database=$1" "owner=$2" <<'SQL'
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
  sql "$1" "owner=$2" <<'SQL'
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
}

sql postgres "password=$POSTGRES_PASSWORD" <<<"ALTER ROLE postgres PASSWORD :'password';"

role erp_owner "${ERP_OWNER_PASSWORD:?}"
role erp_unloader "${ERP_UNLOADER_PASSWORD:?}"
database ERP erp_owner
sql ERP <<'SQL'
GRANT CONNECT ON DATABASE "ERP" TO erp_unloader;
GRANT USAGE ON SCHEMA public TO erp_unloader;
SQL

# Change data capture: reads the log, and the tables that it is granted (lab/live/source.py).
role debezium "${CDC_PASSWORD:?}"
sql ERP <<'SQL'
ALTER ROLE debezium REPLICATION;
GRANT CONNECT ON DATABASE "ERP" TO debezium;
GRANT USAGE ON SCHEMA public TO debezium;
CREATE SCHEMA IF NOT EXISTS cdc AUTHORIZATION erp_owner;
GRANT USAGE ON SCHEMA cdc TO debezium;
SQL
role warehouse "${WAREHOUSE_PASSWORD:?}"
database warehouse warehouse
role hive "${METASTORE_PASSWORD:?}"
database metastore hive
role emr "${EMR_DB_PASSWORD:?}"
database emr emr
role airflow "${AIRFLOW_DB_PASSWORD:?}"
database airflow airflow

# The API keeps ids of events, and reads and changes the ERP's rows: of tables that are made later, too.
role api "${API_DB_PASSWORD:?}"
database api api
sql ERP <<'SQL'
GRANT CONNECT ON DATABASE "ERP" TO api;
GRANT USAGE ON SCHEMA public TO api;
ALTER DEFAULT PRIVILEGES FOR ROLE erp_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO api;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO api;
SQL
