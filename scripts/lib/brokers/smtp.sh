# aiosmtpd, which keeps mails as files
# User: alice/alice-secret, wanted on smtp and smtps, after TLS only. refused@... is answered 550, busy@... 451.
# Ports: smtp (STARTTLS), smtps, plain. Mails are in mail/N.eml of the data folder, as JSON.
# shellcheck shell=bash

install_broker() { [ -x "$deps/venv/bin/python" ] || setup test; }

start_broker() {
  make_certificates "$data/tls"
  keep_ports smtp smtps plain
  mkdir -p "$data/mail"
  setsid "$deps/venv/bin/python" "$root/tests/support/mail_server.py" "$data" "$(port_of smtp)" "$(port_of smtps)" "$(port_of plain)" \
    >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" all_ports_listen
}
