# Sourced by every script here: where things are, how to talk, what all of them do first.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build
deps=$build/deps
# Debian's own interpreter: a version manager's shim in PATH may have neither venv nor ssl.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3 || true)
started=$SECONDS

say() { printf '==> [%02d:%02d] %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$*"; }
warn() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  warn "$*"
  exit 1
}

# usage "TEXT" "$@": prints the text and ends when -h or --help is among the arguments.
usage() {
  local text=$1 argument
  shift
  for argument in "$@"; do
    case $argument in
      -h | --help)
        printf '%s\n' "$text"
        exit 0
        ;;
    esac
  done
}

# setup GROUP...: installs what the verb needs, quick when nothing is missing.
setup() { "$root/scripts/setup" --quiet "$@"; }

# The environment of Meson: an unpacked Boost goes before the system's, which may be too old.
meson_environment() {
  if [ -d "$deps/boost/usr/include/boost" ]; then export BOOST_ROOT=$deps/boost/usr; fi
  export CCACHE_BASEDIR=$root
}

# configure FOLDER OPTION...: sets the build folder up, or again when the options differ from those of last time.
configure() {
  local folder=$1 wanted
  shift
  local library
  for library in librdkafka hiredis awscrt; do
    if [ -d "$deps/$library" ]; then set -- "$@" "-D${library}_prefix=$deps/$library"; fi
  done
  meson_environment
  wanted="$* BOOST_ROOT=${BOOST_ROOT:-}"
  if [ -f "$folder/meson-private/coredata.dat" ] && [ "$(cat "$folder/.options" 2>/dev/null || true)" = "$wanted" ]; then
    return
  fi
  # Not --wipe: it would take build/deps along. Objects stay, and are made again only where their command changed.
  rm -rf "$folder/meson-private" "$folder/meson-info"
  mkdir -p "$folder"
  meson setup "$folder" "$root" "$@"
  printf '%s' "$wanted" >"$folder/.options"
}

# build_asan FOLDER: the build that tests run, with AddressSanitizer and UndefinedBehaviorSanitizer. Not optimised and with
# line numbers only: half the time to build, and the tests mostly wait anyway.
build_asan() {
  configure "$1" --buildtype=debug -Db_sanitize=address,undefined -Dauto_features=enabled -Dcpp_args=-g1 -Dc_args=-g1 &&
    meson compile -C "$1"
}
