# the mock cluster of librdkafka in a small process, no Java
# Says its address as "brokers".
# shellcheck shell=bash

mock_kafka=$build/tests/support/mock_kafka/mock-kafka

install_broker() { [ -x "$mock_kafka" ] || "$root/scripts/build"; }

# The program says READY and the addresses of its brokers. It ends with its standard input, so it gets one that never ends.
start_broker() {
  rm -f "$data/address" "$data/stdin"
  mkfifo "$data/stdin"
  setsid "$mock_kafka" >"$data/address" 2>"$data/server.log" <>"$data/stdin" &
  local pid=$!
  record "$pid" '{}'
  wait_until_ready "$pid" 'grep -q ^READY '"$data/address" >/dev/null
  record "$pid" "$(sed -n 's/^READY \(.*\)$/{"brokers": "\1"}/p' "$data/address")"
  cat "$data/state.json"
  echo
}
