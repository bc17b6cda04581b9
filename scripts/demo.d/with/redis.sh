# A key that is set and read, and a stream whose entries reach the program.
# shellcheck shell=bash

# Starts the server and writes the components.
prepare_redis() {
  local server port
  server=$("$root/scripts/brokers" start redis --data "$work/redis" | tail -n 1) || fail 'Redis did not start'
  port=$("$python" -c 'import json,sys; print(json.loads(sys.argv[1])["ports"]["plain"])' "$server")
  export REDISCLI_AUTH=redis-secret
  redis_cli=(redis-cli -p "$port")
  cat >"$work/components/redis.yaml" <<Y
kind: Component
metadata: { name: cache }
spec:
  type: bindings.redis
  metadata:
  - { name: redisHost,     value: "localhost:$port" }
  - { name: redisPassword, value: "redis-secret" }
---
kind: Component
metadata: { name: redisevent }
spec:
  type: bindings.redis
  metadata:
  - { name: redisHost,     value: "localhost:$port" }
  - { name: redisPassword, value: "redis-secret" }
  - { name: stream,        value: "someStream" }
  - { name: direction,     value: "input" }
Y
}

show_redis() {
  say 'Redis: a key is set and read through the component cache:'
  invoke cache '{"operation": "create", "data": {"price": 9}, "metadata": {"key": "product-1", "ttl": "1h"}}' >/dev/null
  invoke cache '{"operation": "get", "metadata": {"key": "product-1"}}' >"$work/value"
  echo >>"$work/value"
  show <"$work/value"
  grep -qx '{"price":9}' "$work/value" || fail 'the value is not what was set'
  say 'Redis: an entry of the stream someStream, the application says:'
  "${redis_cli[@]}" xadd someStream '*' data '{"event": 1}' >/dev/null
  wait_for 30 'the application saw the entry' said 'Hello from Redis!' "$work/app.log"
  grep 'Hello from Redis!' "$work/app.log" | show
}
