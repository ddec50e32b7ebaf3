#!/bin/sh
# Makes what the start page and the console need (certificate, password file, key), then becomes Nginx.
set -eu
: "${HOME_PASSWORD:?the password of the start page}"
: "${CONSOLE_KEY:?the key of the EMR console}"
certificates.sh /var/lib/entrance
umask 077
printf 'lab:%s\n' "$(printf '%s' "$HOME_PASSWORD" | openssl passwd -6 -stdin)" >/tmp/htpasswd
printf 'proxy_set_header Authorization "Bearer %s";\n' "$CONSOLE_KEY" >/tmp/console.conf
upstreams.sh once
upstreams.sh watch &
exec nginx -c /etc/nginx/nginx.conf
