# Redis (Debian's), with a password, an ACL user and TLS
# Password of the default user: redis-secret. ACL user: alice/alice-secret. Ports: plain, tls (certificate of the client optional).
# shellcheck shell=bash

install_broker() { command -v redis-server >/dev/null 2>&1 || setup brokers; }

start_broker() {
  make_certificates "$data/tls"
  keep_ports plain tls
  [ -f "$data/redis.conf" ] || cat >"$data/redis.conf" <<P
bind 127.0.0.1
port $(port_of plain)
tls-port $(port_of tls)
tls-cert-file $data/tls/server.crt
tls-key-file $data/tls/server.key
tls-ca-cert-file $data/tls/ca.pem
tls-auth-clients optional
requirepass redis-secret
user alice on >alice-secret ~* &* +@all
dir $data
appendonly yes
appendfsync always
save ""
daemonize no
P
  setsid redis-server "$data/redis.conf" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" redis_ready
}

# Ready is more than an open port: what is on disk has to be loaded.
redis_ready() {
  all_ports_listen && REDISCLI_AUTH=redis-secret redis-cli -p "$(port_of plain)" ping 2>/dev/null | grep -q PONG
}
