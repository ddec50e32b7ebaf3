#!/bin/bash
# healthy.sh broker|controller|connect: whether the server in this container answers. No JVM: it is asked often.
# One that is just coming up is waited for a little: the engine asks again only after ten seconds.
set -u

# An ApiVersions request, version 0, by hand; the answer repeats the number 1 and says error 0.
# https://kafka.apache.org/protocol#The_Messages_ApiVersions
api_versions() {
  exec 3<>"/dev/tcp/$HOSTNAME/$1" || return 1
  printf '\0\0\0\012\0\022\0\0\0\0\0\001\377\377' >&3
  local answer
  answer=$(timeout 3 head -c 10 <&3 | od -An -tx1 | tr -d ' \n')
  [ "${answer:8:8}" = 00000001 ] && [ "${answer:16:4}" = 0000 ]
}

well() {
  case $1 in
    broker) api_versions 9092 ;;
    controller) api_versions 9093 ;;
    connect)
      exec 3<>/dev/tcp/127.0.0.1/8083 || return 1
      printf 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
      timeout 4 head -n 1 <&3 | grep -q ' 200 '
      ;;
    *) echo "healthy.sh: no role $1" >&2 && exit 2 ;;
  esac
}

until well "$1" 2>/dev/null; do
  [ $SECONDS -lt 3 ] || exit 1
  sleep 0.5
done
