#!/bin/bash
# healthy.sh CHECK ARGUMENT…: the health check of every container. CHECK is one of the functions below, or a program.
#
# A question of the engine costs it a process in the container, far more than the check itself: asked every few seconds,
# two dozen containers kept a fifth of a core busy. So it is made to ask once a minute. Until the service has been well, a
# question waits for it a little, and says so within a second. From then on it lasts a minute, and looks by itself whether
# the service stays well; when it does not, the question ends at once, and the next ones wait a little again.
#   PATIENCE, EVERY, LASTS: seconds of that wait, between two looks, and of a question
set -u

# page PORT PATH [TEXT]: the server in this container answers 200, with the text in it.
page() {
  exec 3<>"/dev/tcp/localhost/$1" || return 1
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
  local answer
  answer=$(cat <&3)
  [[ ${answer%%$'\r'*} == *" 200 "* && $answer == *"${3:-}"* ]] && return
  echo "$2 on port $1: ${answer:0:300}"
  return 1
}

# port PORT: a server in this container listens.
port() { exec 3<>"/dev/tcp/localhost/$1"; }

# fresh FILE SECONDS [WORD]: the file was written less long ago than that, and begins with the word.
fresh() {
  local written words
  written=$(stat -c %Y "$1") && words=$(<"$1") || return 1
  local age=$(($(date +%s) - written))
  [[ $age -lt $2 && "$words " == "${3:+$3 }"* ]] && return
  echo "$1, $age s ago: $words"
  return 1
}

if [ "${1:?which check?}" = --once ]; then
  shift
  "$@"
  exit
fi

# Not named as a program that is a check: Hadoop's image has one `well`.
look() {
  found=$(timeout 10 "$0" --once "$@" 2>&1)
}

not_well() {
  echo "${found:-no answer}"
  exit 1
}

# Since when its first process runs: what is in the container's files may be from before a crash.
read -r process </proc/1/stat
process=(${process##*) })
been_well=${TMPDIR:-/tmp}/well-since-${process[19]}

if [ ! -e "$been_well" ]; then
  until look "$@"; do
    [ $SECONDS -lt "${PATIENCE:-10}" ] || not_well
    sleep 1
  done
  rm -f "${TMPDIR:-/tmp}"/well-since-*
  : >"$been_well"
else
  until [ $SECONDS -ge "${LASTS:-50}" ]; do
    look "$@" || { rm -f "$been_well" && not_well; }
    sleep "${EVERY:-10}"
  done
fi
