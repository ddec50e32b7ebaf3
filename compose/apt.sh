# Sourced by what installs packages of Debian or Ubuntu: engine.sh here, browser.sh of the tests. NAME is who speaks.
LOG_FOLDER=/var/log
[ -w "$LOG_FOLDER" ] || LOG_FOLDER=$(mktemp -d)
LOG=$LOG_FOLDER/lakelab-$NAME.log

say() { printf '%s: %s\n' "$NAME" "$*"; }
fail() { printf '%s: %s\n' "$NAME" "$*" >&2; exit 1; }

# of_os KEY: what /etc/os-release says, nothing where there is none.
of_os() { [ ! -f /etc/os-release ] || ( . /etc/os-release; eval "echo \"\${$1:-}\"" ); }

need_root_and_apt() {
  command -v apt-get >/dev/null || fail "this is neither Debian nor Ubuntu: $1"
  [ "$(id -u)" = 0 ] || fail "it needs root: run 'sudo make $NAME'"
}

apt_lists() {
  [ -n "${LISTS_FRESH:-}" ] || apt-get -qq -o DPkg::Lock::Timeout=300 update >"$LOG" 2>&1 </dev/null ||
    fail "apt cannot read its package lists: $(apt_error)"
  LISTS_FRESH=yes
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@" \
    >"$LOG" 2>&1 </dev/null || fail "apt could not install $*: $(apt_error)"
}

apt_error() { echo "$(grep '^E:' "$LOG" | head -1) (all of it: $LOG)"; }

# apt_version PACKAGE: the version that apt would install; nothing where it knows none.
apt_version() { apt-cache policy "$1" | sed -n 's/^  Candidate: \([^(].*\)/\1/p'; }
