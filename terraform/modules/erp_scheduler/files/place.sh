# Sourced by what runs on the instance: where its things are, and Compose with all that its files ask for.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../../../.." && pwd)
LAKELAB_ETC=${LAKELAB_ETC:-/etc/lakelab}
STATE=$LAKELAB_ETC/state
set -a
. "$ROOT/compose/versions.env"
. "$LAKELAB_ETC/settings"
set +a
export LAKELAB_ETC

# Passwords, and what stands for keys that are not used, go to Compose alone: in the environment boto3 would sign with them.
compose() {
  docker compose --file "$HERE/compose.yaml" --env-file "$HERE/defaults.env" --env-file "$LAKELAB_ETC/secrets" "$@"
}
