#!/bin/sh
# The browser that the tests look with, where there is none: Debian's Chromium.
set -eu
NAME=browser
. "$(dirname "$0")/../../compose/apt.sh"
for program in ${CHROMIUM:-chromium chromium-browser google-chrome google-chrome-stable}; do
  if command -v "$program" >/dev/null; then say "ready: $("$program" --version 2>/dev/null || echo "$program")"; exit; fi
done
need_root_and_apt "install Chromium or Chrome yourself, or name the program in CHROMIUM"
[ "$(of_os ID)" = debian ] || fail "Ubuntu has no package of Chromium but a snap: install Chrome, or snap install chromium"
say "installing chromium (about a minute)"
apt_lists
apt_install chromium fonts-dejavu-core
say "ready: $(chromium --version)"
