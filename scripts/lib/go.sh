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

# chosen_go ARGUMENT...: the chosen Go, which any Go that is there fetches. What it needs besides is gone afterwards.
chosen_go() {
  local work=$deps/go-work machine said home code=0
  machine=$(dpkg --print-architecture)
  rm -rf "$work"
  mkdir -p "$work"
  export GOMODCACHE=$work/mod GOCACHE=$work/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0
  said=$(cd "$work" && go mod download -json "golang.org/toolchain@v0.0.1-$go_version.linux-$machine")
  grep -qF "\"Sum\": \"$(go_sum "$machine")\"" <<<"$said" || die "$go_version is not what was expected: $said"
  home=$("$python" -c 'import json,sys; print(json.load(sys.stdin)["Dir"])' <<<"$said")
  # A module's files cannot be run.
  chmod +x "$home"/bin/* "$home"/pkg/tool/*/* 2>/dev/null || true
  (cd "$work" && GOROOT=$home nice "$home/bin/go" "$@") || code=$?
  rm -rf "$work"
  return $code
}

# go_install FOLDER MODULE@VERSION: the program in FOLDER.
go_install() {
  GOBIN=$1 chosen_go install "$2" || die "$2 could not be built"
}

# go_build FILE SOURCE: the program of the module in SOURCE as FILE. Its go.mod and go.sum say what it is made of.
go_build() {
  chosen_go build -C "$2" -mod=readonly -trimpath -buildvcs=false -o "$1" . || die "$2 could not be built"
}
