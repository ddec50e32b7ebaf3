#!/bin/sh
# upstreams.sh once|watch: keeps the list of the API's instances, as the network's names have them.
# A server block's upstream needs addresses when Nginx starts, and is never looked up again; but a list of addresses is
# what gives kept connections and takes a dead instance out. So the list is made here, and Nginx told when it changes.
#   UPSTREAMS_LIST, UPSTREAMS_PAUSE: the file that api.conf includes, and seconds between two looks
set -u
LIST=${UPSTREAMS_LIST:-/tmp/api_servers.conf}

# Of a name that leads nowhere the last list stays: what is in it is tried, and answers or not.
look() {
  getent ahostsv4 api | awk '{ print $1 }' | sort -u \
    | sed 's/.*/server &:8000 max_fails=1 fail_timeout=3s;/' >"$LIST.new"
  if [ ! -s "$LIST.new" ]; then
    [ -e "$LIST" ] && return
    echo 'server 127.0.0.1:1;' >"$LIST.new" # nobody; a list may not be empty
  fi
  cmp -s "$LIST.new" "$LIST" || mv "$LIST.new" "$LIST"
}

case $1 in
  once) # before Nginx starts, which begins with this list
    look
    cp "$LIST" "$LIST.loaded"
    ;;
  watch) # until Nginx has taken the list that there is: a look may take long, and Nginx may not be there yet
    while sleep "${UPSTREAMS_PAUSE:-2}"; do
      look
      cmp -s "$LIST" "$LIST.loaded" && continue
      cp "$LIST" "$LIST.taken"
      nginx -c /etc/nginx/nginx.conf -s reload && mv "$LIST.taken" "$LIST.loaded"
    done
    ;;
  *) echo "upstreams.sh: once or watch" >&2 && exit 2 ;;
esac
