#!/bin/sh
# A Docker engine with Compose and Buildx where there is none, and the base image that everything is built from.
# For Debian and Ubuntu, as root. A second call starts what is stopped and leaves the rest alone.
#   compose/engine.sh            all of it: install, start, base image
# Packages and the base image come from the mirrors that this machine's own apt knows; DEBIAN_MIRROR overrides.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
LOG=/var/log/lakelab-engine-install.log
ENGINE_LOG=/var/log/lakelab-engine.log
PLUGINS=/usr/local/lib/docker/cli-plugins
# Compose 2 and Buildx are packaged for Debian from trixie on; they are single Go binaries that run on older releases.
PLUGIN_SUITE=trixie
START_SECONDS=60

say() { printf 'engine: %s\n' "$*"; }
fail() { printf 'engine: %s\n' "$*" >&2; exit 1; }

running() { docker info >/dev/null 2>&1; }

setting() { sed -n "s/^$1=//p" "$HERE/versions.env"; }

need_root_on_debian() {
  [ "$(id -u)" = 0 ] || fail "installing and starting an engine needs root: run 'sudo make engine'"
  command -v apt-get >/dev/null || fail "this is neither Debian nor Ubuntu: install Docker with Compose 2 and Buildx yourself"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@" \
    >"$LOG" 2>&1 </dev/null || fail "apt could not install $*: $(grep '^E:' "$LOG" | head -1) (all of it: $LOG)"
}

apt_lists() {
  [ -n "${LISTS_FRESH:-}" ] || apt-get -qq -o DPkg::Lock::Timeout=300 update >"$LOG" 2>&1 ||
    fail "apt cannot read its package lists: $(grep '^E:' "$LOG" | head -1)"
  LISTS_FRESH=yes
}

# This machine's apt sources that carry 'main', one a line: URI and suite as in sources.list.
apt_sources() { apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' | sed -n 's/ main$//p'; }

codename() { . /etc/os-release; echo "${VERSION_CODENAME:-}"; }

debian_mirror() {
  [ -z "${DEBIAN_MIRROR:-}" ] || { echo "$DEBIAN_MIRROR"; return; }
  [ -f /etc/os-release ] && ( . /etc/os-release; [ "$ID" = debian ] ) ||
    fail "no image registry answers and this is not Debian: set DEBIAN_MIRROR to a Debian mirror's address"
  apt_sources | sed -n "s/ $(codename)\$//p" | head -1 | grep . || fail "apt names no mirror for $(codename): set DEBIAN_MIRROR"
}

install_engine() {
  command -v dockerd >/dev/null && return
  need_root_on_debian
  say "installing docker.io from this machine's apt mirror (about a minute)"
  apt_lists
  apt_install docker.io iptables ca-certificates
  command -v dockerd >/dev/null || fail "docker.io is installed and yet there is no dockerd: see $LOG"
}

start_engine() {
  running && return
  need_root_on_debian
  install_engine
  say "starting the engine"
  if [ -d /run/systemd/system ]; then
    systemctl start docker >"$LOG" 2>&1 || fail "systemd could not start docker: see 'journalctl -u docker'"
  else
    # A session of its own: the engine outlives the shell that started it. A stale pid file of a killed one is in its way.
    [ ! -f /var/run/docker.pid ] || kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null || rm -f /var/run/docker.pid
    setsid dockerd </dev/null >"$ENGINE_LOG" 2>&1 &
  fi
  waited=0
  until running; do
    [ $waited -lt $START_SECONDS ] ||
      fail "the engine does not answer after $START_SECONDS s: $(grep -i -E 'failed to start' "$ENGINE_LOG" | tail -1) (all of it: $ENGINE_LOG)"
    sleep 1
    waited=$((waited + 1))
  done
}

# plugin NAME PACKAGE…: makes `docker NAME` work, by the first package that brings it, else by the one from PLUGIN_SUITE.
plugin() {
  name=$1; package=$2; shift
  docker "$name" version >/dev/null 2>&1 && return
  need_root_on_debian
  apt_lists
  for candidate in "$@"; do
    # bookworm's docker-compose is version 1: a program of its own and no plugin.
    apt-cache policy "$candidate" | grep -q '^  Candidate: [^(1]\|^  Candidate: 0\.[1-9]' || continue
    say "installing docker $name ($candidate)"
    apt_install "$candidate"
    docker "$name" version >/dev/null 2>&1 && return
  done
  say "installing docker $name ($package of $PLUGIN_SUITE)"
  plugin_of_newer_debian "$name" "$package"
  docker "$name" version >/dev/null 2>&1 || fail "docker $name of $PLUGIN_SUITE does not run here: $(docker "$name" version 2>&1 | head -1)"
}

# Takes one binary out of a newer release's package, with lists and state of its own: this machine's apt learns nothing of it.
plugin_of_newer_debian() (
  mirror=$(debian_mirror)
  apt=$(mktemp -d)
  trap 'rm -rf "$apt"' EXIT
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/out"
  echo "deb $mirror $PLUGIN_SUITE main" >"$apt/sources.list"
  options="-qq -o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::Lists=$apt/lists
    -o Dir::Cache=$apt/cache -o Dir::State::status=/dev/null -o APT::Sandbox::User=root"
  cd "$apt/out"
  # Split on purpose: a list of options.
  # shellcheck disable=SC2086
  { apt-get $options update && apt-get $options download "$2"; } >"$LOG" 2>&1 ||
    fail "the mirror has no $2 in $PLUGIN_SUITE: $(grep '^E:' "$LOG" | head -1)"
  dpkg -x ./*.deb tree
  mkdir -p "$PLUGINS"
  install -m 755 "$(find tree -type f -path "*/cli-plugins/docker-$1")" "$PLUGINS/docker-$1"
)

base_image() {
  image=$(setting DEBIAN_IMAGE)
  if docker image inspect "$image" >/dev/null 2>&1; then return; fi
  say "pulling $image"
  if timeout 120 docker pull --quiet "$image" >"$LOG" 2>&1; then
    :
  else
    say "no image registry answers; making $image with debootstrap (about a minute)"
    bootstrap_image "$image"
  fi
  trust_own_authorities "$image"
}

# bootstrap_image debian:SUITE[-slim]: the minimal Debian of that suite, without documents and translations.
bootstrap_image() (
  suite=${1#*:}; suite=${suite%-slim}
  need_root_on_debian
  mirror=$(debian_mirror)
  command -v debootstrap >/dev/null || { apt_lists; apt_install debootstrap; }
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" >"$LOG" 2>&1 ||
    fail "debootstrap $suite failed: $(grep '^E:' "$LOG" | head -1) (all of it: $LOG)"
  image_sources "$suite" "$mirror" >"$root/etc/apt/sources.list"
  printf 'path-exclude %s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*' \
    >"$root/etc/dpkg/dpkg.cfg.d/slim"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/doc/* \
    "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/*
  tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["bash"]' - "$1" >/dev/null
)

# Updates and security of the same suite too, where this machine's apt has them.
image_sources() {
  { echo "$2 $1"; apt_sources | sed -n "s/ $(codename)\(-[a-z]*\)\{0,1\}\$/ $1\1/p"; } | sort -u | sed 's/^/deb /; s/$/ main/'
}

# Behind a proxy with an authority of its own (a company's, a school's), downloads in a build must trust it too.
trust_own_authorities() (
  find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null | grep -q . || return 0
  say "adding this machine's own certificate authorities to $1"
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$context" \;
  cat >"$context/Dockerfile" <<DOCKERFILE
FROM $1
COPY *.crt /usr/local/share/ca-certificates/
RUN command -v update-ca-certificates >/dev/null || \
    { apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; }; \
    update-ca-certificates
DOCKERFILE
  docker build --quiet --tag "$1" "$context" >"$LOG" 2>&1 || fail "could not add them: $(tail -1 "$LOG") (all of it: $LOG)"
)

command -v docker >/dev/null || install_engine
start_engine
plugin compose docker-compose docker-compose-v2 docker-compose
plugin buildx docker-buildx docker-buildx
base_image
say "ready: engine $(docker version --format '{{.Server.Version}}'), $(docker compose version --short | sed 's/^/compose /'), $(setting DEBIAN_IMAGE)"
