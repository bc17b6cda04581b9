# Redis Cluster: three masters with the slots, a replica of the first, and a master without slots
# Password: redis-secret; ACL user: alice/alice-secret. Ports: node1, node2, node3 (masters), node4 (replica of node1), node5
# (no slots), and bus1 to bus5 for what they tell each other. Each has FOLDER/NAME.conf to start it again with.
# shellcheck shell=bash

install_broker() { command -v redis-server >/dev/null 2>&1 || setup brokers; }

write_cluster_confs() {
  local i
  for i in 1 2 3 4 5; do
    mkdir -p "$data/node$i"
    cat >"$data/node$i.conf" <<P
bind 127.0.0.1
port $(port_of "node$i")
cluster-port $(port_of "bus$i")
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 4000
cluster-replica-validity-factor 0
cluster-migration-barrier 5
cluster-allow-replica-migration no
dir $data/node$i
requirepass redis-secret
masterauth redis-secret
user alice on >alice-secret ~* &* +@all
appendonly yes
appendfsync always
save ""
repl-diskless-sync-delay 0
P
  done
}

ask_node() { REDISCLI_AUTH=redis-secret redis-cli -p "$(port_of "$1")" "${@:2}" 2>/dev/null; }

# What `redis-cli --cluster create` does, without its questions and its wait for a last one that is not needed.
make_cluster() {
  local i
  for i in 1 2 3 4 5; do ask_node "node$i" CLUSTER SET-CONFIG-EPOCH "$i"; done
  ask_node node1 CLUSTER ADDSLOTSRANGE 0 5460
  ask_node node2 CLUSTER ADDSLOTSRANGE 5461 10922
  ask_node node3 CLUSTER ADDSLOTSRANGE 10923 16383
  for i in 2 3 4 5; do ask_node node1 CLUSTER MEET 127.0.0.1 "$(port_of "node$i")" "$(port_of "bus$i")"; done
  touch "$data/made"
}

# One process to signal, node3: the others end with it.
start_broker() {
  keep_ports node1 node2 node3 node4 node5 bus1 bus2 bus3 bus4 bus5
  [ -f "$data/node5.conf" ] || write_cluster_confs
  (
    for name in node1 node2 node4 node5; do
      setpriv --pdeathsig KILL redis-server "$data/$name.conf" >>"$data/$name.log" 2>&1 &
    done
    exec setsid redis-server "$data/node3.conf"
  ) >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$("$python" -c 'import json,sys; print(json.dumps({"ports": json.load(open(sys.argv[1]))}))' "$data/ports.json")"
  wait_until_ready "$pid" cluster_ready
}

# Ready is more than open ports: each node knows the others and finds all slots served, and the replica follows.
cluster_ready() {
  local i
  all_ports_listen || return 1
  [ -f "$data/made" ] || make_cluster >>"$data/server.log"
  for i in 1 2 3 4 5; do
    ask_node "node$i" CLUSTER INFO | tr -d '\r' | grep -cE '^(cluster_state:ok|cluster_known_nodes:5)$' | grep -qx 2 || return 1
  done
  if [ ! -f "$data/replicates" ]; then
    ask_node node4 CLUSTER REPLICATE "$(ask_node node1 CLUSTER MYID)" | grep -q OK || return 1
    touch "$data/replicates"
  fi
  for i in 1 4; do
    if ask_node "node$i" INFO replication | tr -d '\r' | grep -qE '^(master_link_status:up|slave0:.*state=online.*)$'; then return 0; fi
  done
  return 1
}
