# Sourced by what is written in Go: programs built from the Go module proxy, with a Go of our own choice, as Debian's is too
# old for most of them. Modules are checked against the public checksum database, the Go itself against the sum here.
# shellcheck shell=bash

go_version=go1.26.8

go_sum() {
  case $1 in
    amd64) echo 'h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=' ;;
    arm64) echo 'h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=' ;;
    *) die "no sum of $go_version for $1 is known here, see scripts/lib/go.sh" ;;
  esac
}

# go_install FOLDER MODULE@VERSION: the program in FOLDER. Any Go that is there fetches the chosen one, which does the rest.
go_install() {
  local folder=$1 module=$2 work=$deps/go-work machine said home
  machine=$(dpkg --print-architecture)
  rm -rf "$work"
  mkdir -p "$work"
  export GOMODCACHE=$work/mod GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0
  said=$(cd "$work" && go mod download -json "golang.org/toolchain@v0.0.1-$go_version.linux-$machine")
  grep -qF "\"Sum\": \"$(go_sum "$machine")\"" <<<"$said" || die "$go_version is not what was expected: $said"
  home=$("$python" -c 'import json,sys; print(json.load(sys.stdin)["Dir"])' <<<"$said")
  # A module's files cannot be run.
  chmod +x "$home"/bin/* "$home"/pkg/tool/*/* 2>/dev/null || true
  (cd "$work" && GOROOT=$home GOBIN=$folder nice "$home/bin/go" install "$module") || die "$module could not be built"
  rm -rf "$work"
}
