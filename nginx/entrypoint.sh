#!/bin/sh
# Makes what the start page needs (certificate, password file), then becomes Nginx.
set -eu
: "${HOME_PASSWORD:?the password of the start page}"
certificates.sh /var/lib/entrance
umask 077
printf 'lab:%s\n' "$(printf '%s' "$HOME_PASSWORD" | openssl passwd -6 -stdin)" >/tmp/htpasswd
exec nginx -c /etc/nginx/nginx.conf
