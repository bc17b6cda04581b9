# NATS (Debian's nats-server) with JetStream
# Users: alice/alice-secret, bob/bob-secret (may publish and read open.> only), and the nkey of tls/user.seed.
# Ports: plain, tls (wants TLS), mtls (wants a client's certificate too); the latter two are leaf nodes of the first, so that
# they serve the same subjects and streams. leaf is theirs.
# shellcheck shell=bash

install_broker() { command -v nats-server >/dev/null 2>&1 || setup brokers; }

# A seed of an nkey and its public key, both as NATS writes them: kind, 32 bytes, CRC-16, in base 32.
make_nkey() {
  openssl genpkey -algorithm ed25519 -out "$1/user.pem" 2>/dev/null
  "$python" - "$1" <<'P'
import base64, binascii, subprocess, sys
folder = sys.argv[1]
def der(*options):
    return subprocess.run(["openssl", "pkey", "-in", f"{folder}/user.pem", "-outform", "DER", *options], check=True, capture_output=True).stdout
def text(raw):
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")
seed, user = 18 << 3, 20 << 3
with open(f"{folder}/user.seed", "w") as file:
    file.write(text(bytes([seed | user >> 5, (user & 31) << 3]) + der()[-32:]) + "\n")
with open(f"{folder}/user.nkey", "w") as file:
    file.write(text(bytes([user]) + der("-pubout")[-32:]))
P
}

users() {
  cat <<P
authorization {
  users: [
    { user: alice, password: alice-secret }
    { user: bob, password: bob-secret, permissions: { publish: "open.>", subscribe: ["open.>", "_INBOX.>"] } }
    { nkey: "$(cat "$data/tls/user.nkey")" }
  ]
}
P
}

write_nats_conf() {
  {
    cat <<P
server_name: cleat-test
listen: "127.0.0.1:$(port_of plain)"
leafnodes { listen: "127.0.0.1:$(port_of leaf)" }
jetstream { store_dir: "$data/jetstream", max_memory_store: 64MB, max_file_store: 1GB }
P
    users
  } >"$data/plain.conf"
  local kind
  for kind in tls mtls; do
    {
      cat <<P
server_name: cleat-test-$kind
listen: "127.0.0.1:$(port_of $kind)"
leafnodes { remotes: [ { url: "nats-leaf://alice:alice-secret@127.0.0.1:$(port_of leaf)" } ], reconnect: 1 }
tls { cert_file: "$data/tls/server.crt", key_file: "$data/tls/server.key", ca_file: "$data/tls/ca.pem", verify: $([ $kind = tls ] && echo false || echo true) }
P
      users
    } >"$data/$kind.conf"
  done
}

# One process to signal: the others end with it.
start_broker() {
  make_certificates "$data/tls"
  [ -f "$data/tls/user.nkey" ] || make_nkey "$data/tls"
  keep_ports plain tls mtls leaf
  [ -f "$data/plain.conf" ] || write_nats_conf
  (
    for kind in tls mtls; do
      setpriv --pdeathsig KILL nats-server -c "$data/$kind.conf" >"$data/$kind.log" 2>&1 &
    done
    exec setsid nats-server -c "$data/plain.conf"
  ) >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" nats_ready
}

# Ready is more than open ports: a leaf node serves its users once it is connected.
nats_ready() {
  all_ports_listen && [ "$(grep -c 'Leafnode connection created for account' "$data/tls.log")" -ge 1 ] &&
    [ "$(grep -c 'Leafnode connection created for account' "$data/mtls.log")" -ge 1 ]
}
