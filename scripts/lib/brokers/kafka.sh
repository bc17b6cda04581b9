# Apache Kafka 4.1.0 (KRaft, one node), from Maven
# Users: alice/alice-secret (PLAIN), carol/carol-secret (SCRAM-SHA-256 and -512).
# As Azure Event Hubs on sasl_plaintext and sasl_ssl: user $ConnectionString, password the text in event_hubs_connection
# below; and on sasl_ssl OAUTHBEARER with tokens signed by tls/token.key for the audience https://shop.servicebus.windows.net.
# Ports: plaintext, sasl_plaintext, ssl, sasl_ssl, mtls.
# shellcheck shell=bash

kafka_version=4.1.0
kafka_libs=$deps/kafka/libs
event_hubs_connection='Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=cGxhbnRlZC1rZXk='

install_broker() {
  [ ! -f "$kafka_libs/.done-$kafka_version" ] || return 0
  setup brokers
  say "getting Apache Kafka $kafka_version from Maven (43 MB)"
  rm -rf "$kafka_libs"
  mkdir -p "$kafka_libs"
  cat >"$deps/kafka/pom.xml" <<P
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cleat</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka_version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
P
  mvn -q -B -Dstyle.color=never -f "$deps/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$kafka_libs" -DincludeScope=runtime
  touch "$kafka_libs/.done-$kafka_version"
}

# The key that signs tokens, and the set of keys by which the broker knows it.
make_token_key() {
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$data/tls/token.key" 2>/dev/null
  openssl rsa -in "$data/tls/token.key" -noout -modulus 2>/dev/null | "$python" -c '
import base64, json, sys
modulus = base64.urlsafe_b64encode(bytes.fromhex(sys.stdin.read().strip().partition("=")[2])).rstrip(b"=").decode()
print(json.dumps({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "test", "n": modulus, "e": "AQAB"}]}))' >"$data/tls/jwks.json"
}

write_kafka_properties() {
  local listener controller addresses=''
  controller=$(free_ports 1)
  for listener in plaintext sasl_plaintext ssl sasl_ssl mtls; do
    addresses+=${addresses:+,}${listener^^}://127.0.0.1:$(port_of "$listener")
  done
  local scram=org.apache.kafka.common.security.scram.ScramLoginModule
  local login=org.apache.kafka.common.security.plain.PlainLoginModule
  {
    cat <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=$addresses,CONTROLLER://127.0.0.1:$controller
advertised.listeners=$addresses
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,MTLS:SSL
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.sasl_ssl.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=file://$data/tls/jwks.json
listener.name.sasl_ssl.oauthbearer.sasl.oauthbearer.expected.audience=https://shop.servicebus.windows.net
ssl.keystore.type=PEM
ssl.keystore.location=$data/tls/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$data/tls/ca.pem
listener.name.mtls.ssl.client.auth=required
log.dirs=$data/logs
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
P
    for listener in sasl_plaintext sasl_ssl; do
      echo "listener.name.$listener.plain.sasl.jaas.config=$login required user_alice=\"alice-secret\" user_\$ConnectionString=\"$event_hubs_connection\";"
      echo "listener.name.$listener.scram-sha-256.sasl.jaas.config=$scram required;"
      echo "listener.name.$listener.scram-sha-512.sasl.jaas.config=$scram required;"
    done
  } >"$data/server.properties"
}

# A broker that was killed keeps its session with the controller; a shorter one lets the same folder start again sooner.
start_broker() {
  local java=(java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
    -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="file://$data/tls/jwks.json" -cp "$kafka_libs/*")
  make_certificates "$data/tls"
  keep_ports plaintext sasl_plaintext ssl sasl_ssl mtls
  if [ ! -f "$data/logs/meta.properties" ]; then
    make_token_key
    write_kafka_properties
    "${java[@]}" kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c1-22)" \
      -c "$data/server.properties" --add-scram 'SCRAM-SHA-256=[name=carol,password=carol-secret]' \
      --add-scram 'SCRAM-SHA-512=[name=carol,password=carol-secret]' >"$data/format.log" 2>&1 ||
      { cat "$data/format.log" >&2; die "Kafka's storage could not be formatted"; }
  fi
  setsid "${java[@]}" kafka.Kafka "$data/server.properties" >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$(ports_and_tls)"
  wait_until_ready "$pid" all_ports_listen
}
