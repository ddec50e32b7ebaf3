#!/bin/sh
# nifi-certificates.sh PROXY NIFI ADMIN: what Nginx, NiFi and the loader of its flows know each other by, a folder each.
# One CA signs the three certificates and is forgotten: nothing else can ever be made that NiFi believes.
set -eu
proxy=$1 nifi=$2 admin=$3
umask 027
[ ! -s "$proxy/proxy.key" ] || [ ! -s "$nifi/nifi.key" ] || [ ! -s "$admin/admin.key" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

new_key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

new_key "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -sha256 -days 3650 -subj "/CN=Lakelab NiFi" -out "$work/ca.crt" \
  -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign"

# certificate NAME FOLDER USE [MORE-NAMES]: its name is who it is to NiFi (nifi.properties: identity mapping).
certificate() {
  new_key "$work/$1.key"
  openssl req -new -key "$work/$1.key" -subj "/CN=$1" -out "$work/$1.csr"
  printf '%s\n' "subjectAltName=DNS:$1${4:-}" "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
    "extendedKeyUsage=$3" >"$work/$1.ext"
  openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -sha256 -days 3650 \
    -extfile "$work/$1.ext" -out "$work/$1.crt" 2>/dev/null
  mkdir -p "$2"
  cp "$work/ca.crt" "$work/$1.crt" "$work/$1.key" "$2/"
  chgrp keys "$2/$1.key"
  chmod 640 "$2/$1.key"
}
certificate proxy "$proxy" clientAuth
# NiFi answers to the names by which browsers ask, which Nginx passes on.
certificate nifi "$nifi" serverAuth,clientAuth ,DNS:localhost,IP:127.0.0.1
certificate admin "$admin" clientAuth
chmod 644 "$nifi"/*.crt "$admin"/*.crt "$proxy"/*.crt
chgrp keys "$nifi" "$admin"
chmod 750 "$nifi" "$admin"
