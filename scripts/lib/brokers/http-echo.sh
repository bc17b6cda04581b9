# nginx (Debian's) in front of a program that answers with what it was asked
# Ports: http, https (HTTP/2; certificate of the client optional), mtls (certificate of the client required).
# shellcheck shell=bash

install_broker() { command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || setup brokers; }

write_nginx_configuration() {
  local tls="ssl_certificate $data/tls/server.crt; ssl_certificate_key $data/tls/server.key; ssl_client_certificate $data/tls/ca.pem;"
  local pass="location / { proxy_pass http://unix:$data/echo.socket; proxy_http_version 1.1; proxy_set_header Host \$http_host;
      proxy_set_header X-Echo-Protocol \$server_protocol; proxy_set_header X-Echo-Client \$ssl_client_s_dn;
      proxy_set_header X-Echo-Connection \$connection; proxy_set_header Connection ''; proxy_request_buffering off; proxy_buffering off;
      client_max_body_size 0; proxy_pass_request_headers on; }"
  cat >"$data/nginx.conf" <<P
daemon off;
master_process off;
pid $data/nginx.pid;
error_log $data/server.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_timeout 60s;
  client_body_temp_path $data/body;
  proxy_temp_path $data/proxy;
  fastcgi_temp_path $data/fastcgi;
  uwsgi_temp_path $data/uwsgi;
  scgi_temp_path $data/scgi;
  server { listen 127.0.0.1:$(port_of http); $pass }
  server { listen 127.0.0.1:$(port_of https) ssl http2; $tls ssl_verify_client optional; $pass }
  server { listen 127.0.0.1:$(port_of mtls) ssl http2; $tls ssl_verify_client on; $pass }
}
P
}

start_broker() {
  make_certificates "$data/tls"
  keep_ports http https mtls
  [ -f "$data/nginx.conf" ] || write_nginx_configuration
  if ! helper_alive echo; then
    rm -f "$data/echo.socket"
    setsid "$python" "$root/tests/support/echo_server.py" "$data/echo.socket" >>"$data/echo.log" 2>&1 </dev/null &
    keep_helper echo $!
  fi
  PATH=$PATH:/usr/sbin setsid nginx -c "$data/nginx.conf" -p "$data" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" echo_ready
}

echo_ready() { all_ports_listen && curl -sf -o /dev/null "http://127.0.0.1:$(port_of http)/"; }

stop_broker() {
  stop_process
  stop_helper echo
}
