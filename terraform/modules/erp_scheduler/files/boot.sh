#!/bin/bash
# Makes the instance the ERP and scheduler of the lab: passwords, images, containers. Can be run again at any time.
set -euo pipefail
. "$(dirname "$0")/place.sh"

secrets() (  # made once, and known to nobody but this instance
  [ ! -s "$LAKELAB_ETC/secrets" ] || exit 0
  umask 077
  for name in POSTGRES_PASSWORD ERP_OWNER_PASSWORD ERP_UNLOADER_PASSWORD METASTORE_PASSWORD CDC_PASSWORD \
    WAREHOUSE_PASSWORD EMR_DB_PASSWORD AIRFLOW_DB_PASSWORD API_DB_PASSWORD AIRFLOW_ADMIN_PASSWORD \
    AIRFLOW_SECRET_KEY AIRFLOW_JWT_SECRET; do
    echo "$name=$(openssl rand -hex 24)"
  done >"$LAKELAB_ETC/secrets.new"
  echo "AIRFLOW_FERNET_KEY=$(openssl rand -base64 32 | tr '+/' '-_')" >>"$LAKELAB_ETC/secrets.new"
  mv "$LAKELAB_ETC/secrets.new" "$LAKELAB_ETC/secrets"
)

memory() {  # so that building images does not meet the end of a small instance's memory
  [ ! -e /swapfile ] || return 0
  awk '/^(Mem|Swap)Total:/ {kb += $2} END {exit kb < 6e6}' /proc/meminfo && return
  fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap -q /swapfile && swapon /swapfile
  echo '/swapfile none swap sw 0 0' >>/etc/fstab
}

images() {
  if [ "$DOCKER_USERNAME" = - ]; then
    compose build --quiet
    return
  fi
  if [ "$DOCKER_PASSWORD_PARAMETER" != - ]; then
    python3 "$HERE/parameters.py" password | docker login --username "$DOCKER_USERNAME" --password-stdin
  fi
  for image in postgres lab airflow; do
    docker pull -q "docker.io/$DOCKER_USERNAME/lakelab-$image:$LAKELAB_TAG"
    docker tag "docker.io/$DOCKER_USERNAME/lakelab-$image:$LAKELAB_TAG" "lakelab/$image:$LAKELAB_TAG"
  done
}

watch() {  # another cluster, another bucket: what Terraform writes reaches Airflow within minutes
  [ -d /run/systemd/system ] || { echo "no systemd: $HERE/variables.sh brings Airflow what Terraform changes"; return; }
  cat >/etc/systemd/system/lakelab-variables.service <<UNIT
[Unit]
Description=Airflow's variables as Terraform has them
[Service]
Type=oneshot
ExecStart=$HERE/variables.sh
UNIT
  cat >/etc/systemd/system/lakelab-variables.timer <<UNIT
[Timer]
OnBootSec=1min
OnUnitActiveSec=2min
[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl enable --now lakelab-variables.timer
}

secrets
memory
python3 "$HERE/parameters.py" key
"$HERE/variables.sh"
images
compose up --detach --wait --wait-timeout 900
watch
