# fake-gcs-server 1.56.1 (Google Cloud Storage: takes any token), from the Go module proxy
# Ports: plain, and tls on the same data.
# shellcheck shell=bash

# shellcheck source=scripts/lib/go.sh
. "$root/scripts/lib/go.sh"

fake_gcs_version=v1.56.1
fake_gcs_home=$deps/fake-gcs

install_broker() {
  [ ! -f "$fake_gcs_home/.done-$fake_gcs_version" ] || return 0
  setup brokers
  say "building fake-gcs-server $fake_gcs_version (two minutes)"
  rm -rf "$fake_gcs_home"
  mkdir -p "$fake_gcs_home"
  go_install "$fake_gcs_home" "github.com/fsouza/fake-gcs-server@$fake_gcs_version"
  touch "$fake_gcs_home/.done-$fake_gcs_version"
}

start_broker() {
  make_certificates "$data/tls"
  keep_ports plain tls
  mkdir -p "$data/store"
  setsid "$fake_gcs_home/fake-gcs-server" -scheme both -host 127.0.0.1 -port-http "$(port_of plain)" -port "$(port_of tls)" \
    -cert-location "$data/tls/server.crt" -private-key-location "$data/tls/server.key" \
    -backend filesystem -filesystem-root "$data/store" \
    -external-url "http://127.0.0.1:$(port_of plain)" -public-host "127.0.0.1:$(port_of plain)" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" all_ports_listen
}
