# Redis with two replicas and three sentinels, which call it mymaster
# Password of the servers: redis-secret; ACL user: alice/alice-secret. Of the sentinels: sentinel-secret; ACL user: bob/bob-secret.
# Ports: node1 (the master at first), node2, node3, sentinel1, sentinel2, sentinel3. Each has FOLDER/NAME.conf to start it again with.
# shellcheck shell=bash

install_broker() { command -v redis-server >/dev/null 2>&1 || setup brokers; }

write_sentinel_confs() {
  local i
  for i in 1 2 3; do
    mkdir -p "$data/node$i"
    cat >"$data/node$i.conf" <<P
bind 127.0.0.1
port $(port_of "node$i")
dir $data/node$i
requirepass redis-secret
masterauth redis-secret
user alice on >alice-secret ~* &* +@all
appendonly yes
appendfsync always
save ""
repl-diskless-sync-delay 0
$([ "$i" = 1 ] || echo "replicaof 127.0.0.1 $(port_of node1)")
P
    cat >"$data/sentinel$i.conf" <<P
bind 127.0.0.1
port $(port_of "sentinel$i")
dir $data
requirepass sentinel-secret
user bob on >bob-secret ~* &* +@all
sentinel sentinel-pass sentinel-secret
sentinel monitor mymaster 127.0.0.1 $(port_of node1) 2
sentinel auth-pass mymaster redis-secret
sentinel down-after-milliseconds mymaster 4000
sentinel failover-timeout mymaster 5000
P
  done
}

# One process to signal, a sentinel: the others end with it.
start_broker() {
  keep_ports node1 node2 node3 sentinel1 sentinel2 sentinel3
  [ -f "$data/sentinel3.conf" ] || write_sentinel_confs
  (
    for name in node1 node2 node3; do
      setpriv --pdeathsig KILL redis-server "$data/$name.conf" >>"$data/$name.log" 2>&1 &
    done
    for name in sentinel1 sentinel2; do
      setpriv --pdeathsig KILL redis-server "$data/$name.conf" --sentinel >>"$data/$name.log" 2>&1 &
    done
    exec setsid redis-server "$data/sentinel3.conf" --sentinel
  ) >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$("$python" -c 'import json,sys; print(json.dumps({"ports": json.load(open(sys.argv[1]))}))' "$data/ports.json")"
  wait_until_ready "$pid" sentinels_ready
}

ask_sentinel() { REDISCLI_AUTH=sentinel-secret redis-cli -p "$(port_of "$1")" SENTINEL MASTER mymaster 2>/dev/null; }
field_of() { grep -A1 "^$1\$" | tail -n 1; }

# Ready is more than open ports: the replicas follow, and each sentinel knows them and the other two.
sentinels_ready() {
  local i found
  all_ports_listen || return 1
  for i in 1 2 3; do
    found=$(ask_sentinel "sentinel$i")
    [ "$(field_of num-slaves <<<"$found")" = 2 ] && [ "$(field_of num-other-sentinels <<<"$found")" = 2 ] &&
      [ "$(field_of flags <<<"$found")" = master ] || return 1
  done
  REDISCLI_AUTH=redis-secret redis-cli -p "$(field_of port <<<"$found")" INFO replication 2>/dev/null |
    tr -d '\r' | grep -c 'state=online' | grep -qx 2
}
