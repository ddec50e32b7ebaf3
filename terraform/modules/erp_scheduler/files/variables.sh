#!/bin/bash
# Airflow's variables anew when Terraform has written others.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../../../.." && pwd)
set -a
. /etc/lakelab/settings
. "$ROOT/compose/versions.env"
. "$HERE/defaults.env"
. /etc/lakelab/secrets
set +a
if python3 "$HERE/parameters.py" variables /etc/lakelab/state/variables.json | grep -q changed; then
  docker compose -f "$HERE/compose.yaml" restart airflow
fi
