#!/bin/sh
# upstreams.sh once|watch: keeps /tmp/api_servers.conf, the instances of the API as the network's names have them.
# A server block's upstream needs addresses when Nginx starts, and is never looked up again; but a list of addresses is
# what gives kept connections and takes a dead instance out. So the list is made here, and Nginx told when it changes.
set -u
LIST=/tmp/api_servers.conf

# Of a name that leads nowhere the last list stays: what is in it is tried, and answers or not.
look() {
  getent ahostsv4 api | awk '{ print $1 }' | sort -u \
    | sed 's/.*/server &:8000 max_fails=1 fail_timeout=3s;/' >"$LIST.new"
  if [ ! -s "$LIST.new" ]; then
    [ -e "$LIST" ] && return 1
    echo 'server 127.0.0.1:1;' >"$LIST.new" # nobody; a list may not be empty
  fi
  cmp -s "$LIST.new" "$LIST" && return 1
  mv "$LIST.new" "$LIST"
}

look
[ "$1" = once ] && exit 0
while sleep 2; do
  if look; then nginx -c /etc/nginx/nginx.conf -s reload; fi
done
