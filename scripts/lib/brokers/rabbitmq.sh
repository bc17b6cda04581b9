# RabbitMQ (Debian's), with TLS and the management API
# Users: guest/guest, alice/alice-secret; vhosts / and /test. Ports: amqp, amqps (certificate of the client optional),
# management, distribution, epmd.
# shellcheck shell=bash

# Not the wrapper in the path, which insists on a user and on folders of its own.
rabbitmq_bin=/usr/lib/rabbitmq/bin

install_broker() { [ -x "$rabbitmq_bin/rabbitmq-server" ] || setup brokers; }

write_rabbitmq_configuration() {
  cat >"$data/rabbitmq.conf" <<P
listeners.tcp.1 = 127.0.0.1:$(port_of amqp)
listeners.ssl.1 = 127.0.0.1:$(port_of amqps)
ssl_options.cacertfile = $data/tls/ca.pem
ssl_options.certfile = $data/tls/server.crt
ssl_options.keyfile = $data/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
management.tcp.ip = 127.0.0.1
management.tcp.port = $(port_of management)
load_definitions = $data/definitions.json
log.console = true
log.console.level = warning
log.file = false
P
  "$python" - "$data/definitions.json" <<'P'
import json, sys
users, vhosts = {"guest": "guest", "alice": "alice-secret"}, ["/", "/test"]
json.dump({"users": [{"name": name, "password": password, "tags": "administrator"} for name, password in users.items()],
           "vhosts": [{"name": name} for name in vhosts],
           "permissions": [{"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"} for user in users for vhost in vhosts]},
          open(sys.argv[1], "w"))
P
  echo '[rabbitmq_management].' >"$data/enabled_plugins"
  mkdir -p "$data/mnesia" "$data/log"
}

start_broker() {
  make_certificates "$data/tls"
  keep_ports amqp amqps management distribution epmd
  [ -f "$data/rabbitmq.conf" ] || write_rabbitmq_configuration
  RABBITMQ_NODENAME=cleat-$(port_of amqp)@localhost
  export HOME=$data RABBITMQ_NODENAME RABBITMQ_CONFIG_FILE=$data/rabbitmq.conf \
    RABBITMQ_MNESIA_BASE=$data/mnesia RABBITMQ_LOG_BASE=$data/log RABBITMQ_ENABLED_PLUGINS_FILE=$data/enabled_plugins \
    RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_PID_FILE=$data/pid \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +sbwt none'
  RABBITMQ_DIST_PORT=$(port_of distribution)
  ERL_EPMD_PORT=$(port_of epmd)
  export RABBITMQ_DIST_PORT ERL_EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1
  if ! helper_alive epmd; then
    setsid epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" >/dev/null 2>&1 </dev/null &
    keep_helper epmd $!
  fi
  rm -f "$data/pid"
  setsid "$rabbitmq_bin/rabbitmq-server" >>"$data/server.log" 2>&1 </dev/null &
  local script=$! deadline=$((SECONDS + 60))
  # The server's own process: to kill the script around it would leave it alone.
  until [ -s "$data/pid" ]; do
    kill -0 "$script" 2>/dev/null || { tail -n 20 "$data/server.log" >&2; die "rabbitmq ended while it started, see $data/server.log"; }
    [ $SECONDS -lt $deadline ] || die "rabbitmq has not begun after 60 s, see $data/server.log"
    sleep 0.1
  done
  local pid
  pid=$(cat "$data/pid")
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" rabbitmq_ready
}

rabbitmq_ready() { all_ports_listen && curl -sf -u guest:guest -o /dev/null "http://127.0.0.1:$(port_of management)/api/overview"; }

stop_broker() {
  stop_process
  stop_helper epmd
}
