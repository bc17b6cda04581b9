# moto 5.2.5 (SQS, SNS and S3: checks signatures)
# Port: http. The key of the one user, who may do everything, is in the file "credentials" of the folder, the
# same one after each start. All else is lost at a stop.
# shellcheck shell=bash

install_broker() { "$deps/venv/bin/python" -c "import moto.server" 2>/dev/null || setup test; }

# The user is there and signatures are checked before anybody can ask: a client that has been waiting for the server must
# neither be let in unchecked nor be told that its key is unknown.
start_broker() {
  keep_ports http
  INITIAL_NO_AUTH_ACTION_COUNT=0 setsid "$deps/venv/bin/python" -c '
import json, sys
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random
from moto.server import main
port, path = sys.argv[1:]
mock_random.seed(42)
users = iam_backends["123456789012"]["aws"]
users.create_user("us-east-1", "tester")
users.put_user_policy("tester", "all", json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
key = users.create_access_key("tester")
with open(path, "w") as file:
    json.dump({"accessKey": key.access_key_id, "secretKey": key.secret_access_key}, file)
main(["-H", "127.0.0.1", "-p", port])
' "$(port_of http)" "$data/credentials" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$("$python" -c 'import json,sys; print(json.dumps({"ports": json.load(open(sys.argv[1]))}))' "$data/ports.json")"
  wait_until_ready "$pid" all_ports_listen
}
