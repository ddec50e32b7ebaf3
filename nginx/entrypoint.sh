#!/bin/sh
# Makes what the pages need (certificates, password files, the console's key), then becomes Nginx.
set -eu
: "${HOME_PASSWORD:?the password of the start page}" "${NIFI_ADMIN_PASSWORD:?that of NiFi}"
: "${CONSOLE_KEY:?the key of the EMR console}"
certificates.sh /var/lib/entrance
nifi-certificates.sh /var/lib/entrance/nifi /var/lib/nifi-keys/nifi /var/lib/nifi-keys/admin
umask 077
printf 'lab:%s\n' "$(printf '%s' "$HOME_PASSWORD" | openssl passwd -6 -stdin)" >/tmp/htpasswd
printf 'proxy_set_header Authorization "Bearer %s";\n' "$CONSOLE_KEY" >/tmp/console.conf
printf 'admin:%s\n' "$(printf '%s' "$NIFI_ADMIN_PASSWORD" | openssl passwd -6 -stdin)" >/tmp/htpasswd-nifi
upstreams.sh once
upstreams.sh watch &
exec nginx -c /etc/nginx/nginx.conf
