# ElasticMQ 1.6.14 (SQS: takes any key), from Maven
# Port: http. Account 000000000000, region us-east-1; keeps queues and messages on disk, unless ELASTICMQ_STORAGE=memory.
# shellcheck shell=bash

elasticmq_version=1.6.14
elasticmq_libs=$deps/elasticmq/libs

install_broker() {
  [ ! -f "$elasticmq_libs/.done-$elasticmq_version" ] || return 0
  setup brokers
  say "getting ElasticMQ $elasticmq_version from Maven (37 MB)"
  rm -rf "$elasticmq_libs"
  mkdir -p "$elasticmq_libs"
  cat >"$deps/elasticmq/pom.xml" <<P
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cleat</groupId><artifactId>elasticmq-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>$elasticmq_version</version></dependency>
  </dependencies>
</project>
P
  mvn -q -B -Dstyle.color=never -f "$deps/elasticmq/pom.xml" dependency:copy-dependencies -DoutputDirectory="$elasticmq_libs" -DincludeScope=runtime
  touch "$elasticmq_libs/.done-$elasticmq_version"
}

start_broker() {
  keep_ports http
  cat >"$data/elasticmq.conf" <<P
include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = $(port_of http), context-path = "" }
rest-sqs { enabled = true, bind-port = $(port_of http), bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
aws { region = us-east-1, accountId = 000000000000 }
messages-storage { enabled = $([ "${ELASTICMQ_STORAGE:-disk}" = memory ] && echo false || echo true), driver-class-name = "org.h2.Driver", uri = "jdbc:h2:$data/messages;WRITE_DELAY=0", username = "", password = "", prune-data-on-init = false }
P
  setsid java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dconfig.file="$data/elasticmq.conf" -cp "$elasticmq_libs/*" \
    org.elasticmq.server.Main >>"$data/server.log" 2>&1 </dev/null &
  local pid=$!
  record "$pid" "$("$python" -c 'import json,sys; print(json.dumps({"ports": json.load(open(sys.argv[1]))}))' "$data/ports.json")"
  wait_until_ready "$pid" elasticmq_ready
}

elasticmq_ready() { curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$(port_of http)/?Action=ListQueues"; }
