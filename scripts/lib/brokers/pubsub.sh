# Google's Pub/Sub server for tests (pstest 2.8.1) with REST in front, from tests/support/pubsub_server
# Ports: grpc and http take anybody, https (REST too) who shows a token that begins with planted-token.
# shellcheck shell=bash

# shellcheck source=scripts/lib/go.sh
. "$root/scripts/lib/go.sh"

pubsub_source=$root/tests/support/pubsub_server
pubsub_home=$deps/pubsub
# What was built of other sources is built anew.
pubsub_stamp=$pubsub_home/.done-$(cat "$pubsub_source"/{main.go,go.mod,go.sum} "$root/scripts/lib/go.sh" | sha256sum | cut -c1-16)

install_broker() {
  [ ! -f "$pubsub_stamp" ] || return 0
  setup brokers
  say "building the Pub/Sub server (a minute)"
  rm -rf "$pubsub_home"
  mkdir -p "$pubsub_home"
  go_build "$pubsub_home/pubsub-server" "$pubsub_source"
  touch "$pubsub_stamp"
}

start_broker() {
  make_certificates "$data/tls"
  keep_ports grpc http https
  setsid "$pubsub_home/pubsub-server" -grpc "127.0.0.1:$(port_of grpc)" -http "127.0.0.1:$(port_of http)" \
    -https "127.0.0.1:$(port_of https)" -cert "$data/tls/server.crt" -key "$data/tls/server.key" -token planted-token \
    -kept "$data/kept" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" all_ports_listen
}
