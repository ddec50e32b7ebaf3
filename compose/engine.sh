#!/bin/sh
# A Docker engine with Compose and Buildx where there is none, and the base image that everything is built from.
# For Debian and Ubuntu, as root. A second call starts what is stopped and leaves the rest alone.
# Packages and the base image come from the mirrors that this machine's own apt knows; DEBIAN_MIRROR overrides.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
NAME=engine
. "$HERE/apt.sh"
ENGINE_LOG=$LOG_FOLDER/lakelab-dockerd.log
PLUGINS=/usr/local/lib/docker/cli-plugins
# Compose 2 and Buildx are packaged for Debian from trixie on; they are single Go binaries that run on older releases.
PLUGIN_SUITE=trixie
START_SECONDS=60
PULL_SECONDS=120

setting() { sed -n "s/^$1=//p" "$HERE/versions.env"; }

running() { docker info >/dev/null 2>&1; }

need_root() {
  if docker info 2>&1 | grep -q 'permission denied'; then
    fail "an engine runs, and $(id -un) may not use it: sudo usermod -aG docker $(id -un), then log in again"
  fi
  need_root_and_apt "install Docker with Compose 2 and Buildx yourself"
}

# This machine's apt sources that carry 'main', one a line: URI and suite as in sources.list.
apt_sources() { apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' | sed -n 's/ main$//p'; }

debian_mirror() {
  [ -z "${DEBIAN_MIRROR:-}" ] || { echo "$DEBIAN_MIRROR"; return; }
  [ "$(of_os ID)" = debian ] || fail "this machine's apt knows no mirror of Debian: set DEBIAN_MIRROR to the address of one"
  apt_sources | sed -n "s/ $(of_os VERSION_CODENAME)\$//p" | head -1 | grep . ||
    fail "apt names no mirror for $(of_os VERSION_CODENAME): set DEBIAN_MIRROR"
}

install_engine() {
  need_root
  say "installing docker.io from this machine's apt mirror (about a minute)"
  apt_lists
  # Up to bookworm, and on Ubuntu, the client is in docker.io; from trixie on it is a package of its own.
  apt_install docker.io iptables ca-certificates $([ -z "$(apt_version docker-cli)" ] || echo docker-cli)
  for program in docker dockerd; do
    command -v $program >/dev/null || fail "docker.io is installed and yet there is no $program: see $LOG"
  done
}

start_engine() {
  running && return
  need_root
  say "starting the engine"
  started=
  if [ -d /run/systemd/system ]; then
    systemctl start docker >"$LOG" 2>&1 || fail "systemd could not start docker: see 'journalctl -u docker'"
  else
    # A stale pid file of a killed one is in its way. A session of its own: it outlives the shell that started it.
    [ ! -f /var/run/docker.pid ] || kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null || rm -f /var/run/docker.pid
    setsid dockerd </dev/null >"$ENGINE_LOG" 2>&1 &
    started=$!
  fi
  waited=0
  until running; do
    [ -z "$started" ] || kill -0 "$started" 2>/dev/null ||
      fail "the engine ended: $(engine_error); in a container it needs the rights of a privileged one"
    [ $waited -lt $START_SECONDS ] || fail "the engine does not answer after $START_SECONDS s: $(engine_error)"
    sleep 1
    waited=$((waited + 1))
  done
}

engine_error() {
  [ -n "$started" ] || { echo "see 'journalctl -u docker'"; return; }
  echo "$(grep -i -E 'failed|error' "$ENGINE_LOG" | tail -1) (all of it: $ENGINE_LOG)"
}

# plugin NAME PACKAGE…: makes `docker NAME` work, by the first package that has it, else by the last one's of
# PLUGIN_SUITE. Version 1 of docker-compose is a program of its own and no plugin.
plugin() {
  plugin=$1; shift
  docker "$plugin" version >/dev/null 2>&1 && return
  need_root
  apt_lists
  for package in "$@"; do
    case "$package $(apt_version "$package")" in *' ' | 'docker-compose 1.'*) continue ;; esac
    say "installing docker $plugin ($package)"
    apt_install "$package"
    docker "$plugin" version >/dev/null 2>&1 && return
  done
  [ "$(of_os ID)" = debian ] || fail "apt has none of $*: on Ubuntu they are in 'universe'"
  say "installing docker $plugin ($package of $PLUGIN_SUITE)"
  plugin_of_newer_debian "$plugin" "$package"
  docker "$plugin" version >/dev/null 2>&1 ||
    fail "docker $plugin of $PLUGIN_SUITE does not run here: $(docker "$plugin" version 2>&1 | head -1)"
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
    fail "the mirror has no $2 in $PLUGIN_SUITE: $(apt_error)"
  dpkg -x ./*.deb tree
  mkdir -p "$PLUGINS"
  install -m 755 "$(find tree -type f -path "*/cli-plugins/docker-$1")" "$PLUGINS/docker-$1"
)

base_image() {
  image=$(setting DEBIAN_IMAGE)
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    say "pulling $image"
    # Not every system has timeout.
    if ! $(! command -v timeout >/dev/null || echo timeout $PULL_SECONDS) docker pull --quiet "$image" >"$LOG" 2>&1; then
      say "no image registry answers; making $image with debootstrap (about a minute)"
      bootstrap_image "$image"
    fi
  fi
  trust_own_authorities "$image"
}

# bootstrap_image debian:SUITE[-slim]: the minimal Debian of that suite, without documents and translations.
bootstrap_image() (
  suite=${1#*:}; suite=${suite%-slim}
  need_root
  mirror=$(debian_mirror)
  # Without Debian's keys, which Ubuntu has as a package, debootstrap would take anybody's files.
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v debootstrap >/dev/null && [ -f $keys ] || { apt_lists; apt_install debootstrap debian-archive-keyring; }
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --keyring=$keys --include=ca-certificates "$suite" "$root" "$mirror" >"$LOG" 2>&1 ||
    fail "debootstrap of $suite from $mirror (DEBIAN_MIRROR names another) failed: $(apt_error)"
  image_sources "$suite" "$mirror" >"$root/etc/apt/sources.list"
  printf 'path-exclude %s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*' \
    >"$root/etc/dpkg/dpkg.cfg.d/slim"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/doc/* \
    "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/*
  tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["bash"]' - "$1" >/dev/null
)

# image_sources SUITE MIRROR: the image's apt sources; with updates and security where this machine's own apt has them.
image_sources() {
  {
    echo "$2 $1"
    [ "$(of_os ID)" != debian ] || apt_sources | sed -n "s/ $(of_os VERSION_CODENAME)\(-[a-z]*\)\{0,1\}\$/ $1\1/p"
  } | sort -u | sed 's/^/deb /; s/$/ main/'
}

# Behind a proxy with an authority of its own (a company's, a school's), downloads in a build must trust it too.
trust_own_authorities() (
  own=/usr/local/share/ca-certificates
  find $own -name '*.crt' 2>/dev/null | grep -q . || return 0
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  docker run --rm --network none "$1" sh -c "cat $own/*.crt 2>/dev/null || true" >"$context/there" 2>"$LOG" ||
    fail "the engine cannot run a container: $(head -n 1 "$LOG")"
  find $own -name '*.crt' -exec cat {} + | grep -vxFf "$context/there" >/dev/null || return 0
  say "adding this machine's own certificate authorities to $1"
  find $own -name '*.crt' -exec cp {} "$context" \;
  cat >"$context/Dockerfile" <<DOCKERFILE
FROM $1
COPY *.crt $own/
RUN command -v update-ca-certificates >/dev/null || \
    { apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; }; \
    update-ca-certificates
DOCKERFILE
  docker build --quiet --tag "$1" "$context" >"$LOG" 2>&1 ||
    fail "could not add them: $(grep -v '^ *$' "$LOG" | tail -n 1) (all of it: $LOG)"
)

command -v docker >/dev/null && { running || command -v dockerd >/dev/null; } || install_engine
start_engine
plugin compose docker-compose-v2 docker-compose
plugin buildx docker-buildx
base_image
if [ -n "${SUDO_USER:-}" ] && ! id -nG "$SUDO_USER" | grep -qw docker; then
  say "for $SUDO_USER to use it: sudo usermod -aG docker $SUDO_USER, then log in again"
fi
say "ready: engine $(docker version --format '{{.Server.Version}}'), $(docker compose version --short | sed 's/^/compose /'), $(setting DEBIAN_IMAGE)"
