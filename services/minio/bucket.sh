#!/bin/bash
# The lab's bucket and its user, whose keys the AWS clients use. Running it again changes nothing, or takes over a new key.
#   LAB_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: what to make
#   MINIO_ROOT_USER, MINIO_ROOT_PASSWORD: who may make it;  S3_ENDPOINT: where
set -euo pipefail
: "${LAB_BUCKET:?}" "${AWS_ACCESS_KEY_ID:?}" "${AWS_SECRET_ACCESS_KEY:?}" "${MINIO_ROOT_USER:?}" "${MINIO_ROOT_PASSWORD:?}"
endpoint=${S3_ENDPOINT:-http://minio:9000}
# By the environment and not as an argument, where `ps` would show it.
export MC_HOST_lab=${endpoint/:\/\//:\/\/$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@}
export MC_CONFIG_DIR=/tmp/mc

mc mb --quiet --ignore-existing "lab/$LAB_BUCKET"
printf '%s\n%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" | mc admin user add lab >/dev/null
attached=$(mc admin policy attach lab readwrite --user "$AWS_ACCESS_KEY_ID" 2>&1) ||
  [[ $attached == *"already in effect"* ]] || { echo "bucket: $attached" >&2; exit 1; }
echo "bucket: s3://$LAB_BUCKET is there for $AWS_ACCESS_KEY_ID"
