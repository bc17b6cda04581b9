# A message that is published and comes back to the program.
# shellcheck shell=bash

# Starts the server and writes the components.
prepare_rabbitmq() {
  local server port
  server=$("$root/scripts/brokers" start rabbitmq --data "$work/rabbitmq" | tail -n 1) || fail 'RabbitMQ did not start'
  port=$("$python" -c 'import json,sys; print(json.loads(sys.argv[1])["ports"]["amqp"])' "$server")
  cat >"$work/components/rabbitmq.yaml" <<Y
kind: Component
metadata: { name: rabbitevent }
spec:
  type: bindings.rabbitmq
  metadata:
  - { name: host,      value: "amqp://guest:guest@localhost:$port" }
  - { name: queueName, value: "someQueue" }
  - { name: durable,   value: "true" }
Y
}

show_rabbitmq() {
  say 'RabbitMQ: a message is published and read by the component rabbitevent, the application says:'
  invoke rabbitevent '{"operation": "create", "data": {"event": 1}}'
  wait_for 30 'the application saw the message' said 'Hello from RabbitMQ!' "$work/app.log"
  grep 'Hello from RabbitMQ!' "$work/app.log" | show
}
