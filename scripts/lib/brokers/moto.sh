# moto 5.2.5 (SQS, SNS and S3: checks signatures)
# Port: http. The key of the one user, who may do everything, is in the file "credentials" of the folder, the
# same one after each start. All else is lost at a stop.
# shellcheck shell=bash

install_broker() { "$deps/venv/bin/python" -c "import moto.server" 2>/dev/null || setup test; }

# Makes the user, then turns the checks on.
moto_with_checks() {
  curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$(port_of http)/moto-api/" || return 1
  "$deps/venv/bin/python" - "$(port_of http)" "$data/credentials" <<'P'
import boto3, json, sys, urllib.request
port, path = sys.argv[1:]
base = f"http://127.0.0.1:{port}"
def ask(path, data=b""):
    urllib.request.urlopen(urllib.request.Request(base + path, data=data, headers={"Content-Type": "text/plain"}))
ask("/moto-api/seed?a=42")
iam = boto3.client("iam", endpoint_url=base, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
iam.create_user(UserName="tester")
iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
key = iam.create_access_key(UserName="tester")["AccessKey"]
ask("/moto-api/reset-auth", b"0")
with open(path, "w") as file:
    json.dump({"accessKey": key["AccessKeyId"], "secretKey": key["SecretAccessKey"]}, file)
P
}

start_broker() {
  keep_ports http
  rm -f "$data/credentials"
  setsid "$deps/venv/bin/python" -m moto.server -H 127.0.0.1 -p "$(port_of http)" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$("$python" -c 'import json,sys; print(json.dumps({"ports": json.load(open(sys.argv[1]))}))' "$data/ports.json")"
  wait_until_ready "$pid" moto_with_checks
}
