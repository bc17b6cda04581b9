# Eclipse Mosquitto (Debian's), MQTT 3.1.1 and 5
# User: alice/alice-secret, who may read and write below alice/ only; on the ports without a login anything is allowed.
# Ports: plain (no login), login (a user is asked for), tls, mtls (a client certificate is asked for).
# Sessions and retained messages are kept in the folder: a broker that is stopped or killed starts again with them.
# shellcheck shell=bash

# Debian puts it where a user's PATH does not look.
mosquitto_program() { command -v mosquitto || echo /usr/sbin/mosquitto; }

install_broker() {
  [ -x "$(mosquitto_program)" ] || setup brokers
}

# The password file's own form: $7$ rounds $ salt $ PBKDF2-HMAC-SHA512. Made here, because mosquitto_passwd is in another package.
mosquitto_password() {
  "$python" - "$1" "$2" <<'P'
import base64, hashlib, os, sys
user, password = sys.argv[1:]
salt = os.urandom(12)
key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
print(f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}")
P
}

write_mosquitto_conf() {
  mosquitto_password alice alice-secret >"$data/passwords"
  printf 'user alice\ntopic readwrite alice/#\n' >"$data/acl"
  cat <<P
per_listener_settings true
persistence true
persistence_location $data/store/
persistence_file mosquitto.db
autosave_interval 1
autosave_on_changes true
max_queued_messages 100000
max_inflight_messages 1000
log_dest stderr
log_type all
connection_messages true
listener $(port_of plain) 127.0.0.1
allow_anonymous true
listener $(port_of login) 127.0.0.1
allow_anonymous false
password_file $data/passwords
acl_file $data/acl
listener $(port_of tls) 127.0.0.1
allow_anonymous true
cafile $data/tls/ca.pem
certfile $data/tls/server.crt
keyfile $data/tls/server.key
listener $(port_of mtls) 127.0.0.1
allow_anonymous true
cafile $data/tls/ca.pem
certfile $data/tls/server.crt
keyfile $data/tls/server.key
require_certificate true
P
}

start_broker() {
  make_certificates "$data/tls"
  keep_ports plain login tls mtls
  mkdir -p "$data/store"
  if [ ! -f "$data/mosquitto.conf" ]; then
    write_mosquitto_conf >"$data/mosquitto.conf"
    # Started by root it goes on as the user mosquitto, unless that user is root; it is left as it is.
    if [ "$(id -u)" = 0 ]; then echo 'user root' >>"$data/mosquitto.conf"; fi
  fi
  setsid "$(mosquitto_program)" -c "$data/mosquitto.conf" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" all_ports_listen
}
