import uuid

import pika

from conformance.case import Case, Operation, Source
from support.wait import wait_until


def connect(server):
    login = pika.PlainCredentials("guest", "guest")
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", server.port("amqp"), "/", login))


def queue(server, name):
    """A durable queue whose rejected messages go to a second one."""
    found = f"{name}-{uuid.uuid4().hex[:8]}"
    with connect(server) as connection:
        channel = connection.channel()
        channel.queue_declare(found + ".dead", durable=True)
        channel.queue_declare(found, durable=True, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": found + ".dead"})
    return found


def fields(server, place, user="guest:guest"):
    return {"host": f"amqp://{user}@{server.address('amqp')}", "queueName": place, "durable": "true", "deadLetterRoutingKey": place + ".dead"}


def publish(server, place, payloads):
    with connect(server) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for payload in payloads:
            channel.basic_publish("", place, payload, pika.BasicProperties(delivery_mode=2), mandatory=True)


def take_all(server, place):
    with connect(server) as connection:
        channel = connection.channel()
        found = []
        while (got := channel.basic_get(place, auto_ack=True))[0] is not None:
            found.append(got)
        return found


def dead_letters(server, place):
    """Looked at, and left where they are."""
    with connect(server) as connection:
        channel = connection.channel()
        found = []
        while (got := channel.basic_get(place + ".dead"))[0] is not None:
            found.append(got[2])
        return found


def message(server, place, key, done):
    found = []

    def arrived():
        found.extend(body for _, properties, body in take_all(server, place) if properties.headers.get("name") == key)
        return bool(found)
    wait_until(arrived, f"a message of the name {key} in {place}")
    return found[0]


CASE = Case(
    plugin="rabbitmq",
    server="rabbitmq",
    place=queue,
    output=lambda server, place: fields(server, place, "alice:alice-secret"),
    operations=[Operation("create", metadata=lambda server, place, key: {"name": key}, found=message)],
    source=Source(
        fields=lambda server, place: {**fields(server, place), "brokerDeadLetter": "true", "reconnectWaitInSeconds": "1s"},
        publish=publish,
        dead_letters=dead_letters,
    ),
    nobody=lambda port: {"host": f"amqp://guest:guest@127.0.0.1:{port}"},
    secrets=("alice-secret", "guest:guest"),
)
