# Azurite 3.35.0 (Azure Blob and Queue storage), from npm
# Account: acct with the key c2VjcmV0LWtleS1mb3ItdGVzdHM= (a second one: other, b3RoZXIta2V5LWZvci10ZXN0cw==).
# Ports: blob, queue; and with TLS, on data of its own: tls_blob, tls_queue, which take bearer tokens too.
# AZURITE_STORAGE=memory: nothing is kept on disk.
# shellcheck shell=bash

azurite_version=3.35.0
azurite_home=$deps/azurite

install_broker() {
  [ ! -f "$azurite_home/.done-$azurite_version" ] || return 0
  setup brokers
  say "getting Azurite $azurite_version from npm (186 MB)"
  rm -rf "$azurite_home"
  mkdir -p "$azurite_home"
  printf '{"name": "azurite-for-tests", "private": true, "dependencies": {"azurite": "%s"}}\n' "$azurite_version" >"$azurite_home/package.json"
  (cd "$azurite_home" && npm install --no-audit --no-fund --ignore-scripts --loglevel=error)
  touch "$azurite_home/.done-$azurite_version"
}

# azurite KIND BLOB QUEUE OPTION...: the command for one with its data in a folder of its own. New clients ask for versions
# that it does not know yet: they are let in.
azurite() {
  local storage=(--location "$data/$1")
  [ "${AZURITE_STORAGE:-disk}" != memory ] || storage=(--inMemoryPersistence)
  command=(node "$azurite_home/node_modules/azurite/dist/src/azurite.js" --silent --disableTelemetry --skipApiVersionCheck "${storage[@]}"
    --blobPort "$(port_of "$2")" --queuePort "$(port_of "$3")" --tablePort "$(free_ports 1)" "${@:4}")
}

# One process to signal: the other ends with it.
start_broker() {
  make_certificates "$data/tls"
  keep_ports blob queue tls_blob tls_queue
  mkdir -p "$data/plain" "$data/secure"
  (
    export AZURITE_ACCOUNTS='acct:c2VjcmV0LWtleS1mb3ItdGVzdHM=;other:b3RoZXIta2V5LWZvci10ZXN0cw=='
    azurite secure tls_blob tls_queue --oauth basic --cert "$data/tls/server.crt" --key "$data/tls/server.key"
    setpriv --pdeathsig KILL "${command[@]}" >"$data/secure.log" 2>&1 &
    azurite plain blob queue
    exec setsid "${command[@]}"
  ) >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" all_ports_listen
}
