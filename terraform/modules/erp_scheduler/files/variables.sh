#!/bin/bash
# Airflow's variables anew when Terraform has written others.
set -euo pipefail
. "$(dirname "$0")/place.sh"
changed=$(python3 "$HERE/parameters.py" variables "$STATE/variables.json")
# Before its first start there is none to tell.
[ -z "$changed" ] || [ -z "$(compose ps --quiet airflow)" ] || compose restart airflow
