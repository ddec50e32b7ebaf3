#!/bin/sh
# certificates.sh FOLDER: a small CA for this lab alone and a certificate of localhost, made at the first start and
# renewed in time. The CA can vouch for nothing but this machine's own names, whoever may come to hold its key.
set -eu
cd "$1"
umask 077

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -s ca.crt ]; then
  new_key ca.key
  openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Lakelab $(hostname)" -out ca.new \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -addext "nameConstraints=critical,permitted;DNS:localhost,permitted;IP:127.0.0.1/255.255.255.255,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
  mv ca.new ca.crt
  rm -f server.crt
fi

if [ ! -s server.crt ] || ! openssl x509 -in server.crt -noout -checkend 2592000 >/dev/null; then
  new_key server.key
  openssl req -new -key server.key -subj /CN=localhost -out server.csr
  printf '%s\n' "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" "basicConstraints=critical,CA:FALSE" \
    "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" >server.ext
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days 397 \
    -extfile server.ext -out server.new 2>/dev/null
  mv server.new server.crt
  rm -f server.csr server.ext
fi
