# PostgreSQL (Debian's), a fresh cluster
# User app/app-secret, the owner of database app; scram-sha-256. Ports: postgres (with TLS on the same).
# shellcheck shell=bash

postgres_bin() { printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1; }

install_broker() { [ -x "$(postgres_bin)/initdb" ] || setup brokers; }

# initdb and the server refuse to be root. The folder may be in a place that only root can enter, so their user gets the
# right to pass; nothing on the way to the folder is changed.
as_user=()
if [ "$(id -u)" = 0 ]; then
  as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override)
fi

start_broker() {
  make_certificates "$data/tls"
  keep_ports postgres
  if [ ! -d "$data/pg" ]; then
    echo app-secret >"$data/password"
    mkdir "$data/pg" "$data/run"
    cp "$data/tls/server.crt" "$data/tls/server.key" "$data/tls/ca.pem" "$data/run"
    chmod 600 "$data/run/server.key"
    if [ "$(id -u)" = 0 ]; then
      chown -R postgres "$data/pg" "$data/run" "$data/password"
    fi
    # Nothing here has to survive the machine: no time is spent on the disk.
    (cd "$data/run" && "${as_user[@]}" "$(postgres_bin)/initdb" -D "$data/pg" -U app --pwfile="$data/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 \
      --no-sync) >"$data/initdb.log" 2>&1 || {
      cat "$data/initdb.log" >&2
      rm -rf "$data/pg" "$data/run"
      die "PostgreSQL's cluster could not be made"
    }
    cat >>"$data/pg/postgresql.conf" <<P
listen_addresses = '127.0.0.1'
port = $(port_of postgres)
unix_socket_directories = ''
ssl = on
ssl_cert_file = '$data/run/server.crt'
ssl_key_file = '$data/run/server.key'
ssl_ca_file = '$data/run/ca.pem'
max_connections = 200
P
    echo 'create database app' | (cd "$data/run" && "${as_user[@]}" "$(postgres_bin)/postgres" --single -D "$data/pg" postgres) >>"$data/initdb.log" 2>&1
  fi
  # After kill -9 its children end on their own. A file of its own says that it runs, and is right about the number of a
  # process that nobody has buried yet.
  while readlink /proc/[0-9]*/cwd 2>/dev/null | grep -qxF "$data/pg"; do sleep 0.1; done
  rm -f "$data/pg/postmaster.pid"
  cd "$data/run" || die "$data/run cannot be entered"
  setsid "${as_user[@]}" "$(postgres_bin)/postgres" -D "$data/pg" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" postgres_ready
}

postgres_ready() { "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$(port_of postgres)"; }

# At SIGTERM it would wait for its clients.
stop_signal=INT
