#!/bin/bash
# Starts PostgreSQL; before that makes the cluster where there is none, and what is missing of roles and databases.
# Passwords come from the environment (databases.sh) and are set anew at each start: .env.local is what holds.
set -euo pipefail
: "${POSTGRES_PASSWORD:?}"

# Made aside and moved when complete: what a killed first start leaves behind is never taken for a cluster.
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "postgres: making the cluster"
  rm -rf "$PGDATA" "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username=postgres --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-instructions \
    --pwfile=<(printf '%s' "$POSTGRES_PASSWORD") >/dev/null
  echo "include '/etc/lakelab-postgres/postgresql.conf'" >>"$PGDATA.new/postgresql.conf"
  mv "$PGDATA.new" "$PGDATA"
fi

# A server that only the local socket reaches: nobody connects before the databases are complete.
pg_ctl --pgdata="$PGDATA" --wait --silent --options="-c listen_addresses=''" start >/dev/null
databases.sh
pg_ctl --pgdata="$PGDATA" --wait --silent --mode=fast stop

exec postgres -D "$PGDATA"
