import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from conformance.case import Case, Operation, Source
from support.wait import wait_until


def topic(server, name):
    found = f"{name}-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": server.address("plaintext")})
    admin.create_topics([NewTopic(found, 1, 1)])[found].result(30)
    return found


def publish(server, place, payloads):
    producer = Producer({"bootstrap.servers": server.address("plaintext"), "log_level": 0, "linger.ms": 1, "enable.idempotence": True})
    failures = []
    for payload in payloads:
        producer.produce(place, value=payload, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(60) == 0 and not failures, failures[:3]


def record(server, place, key, done):
    """The value of the record with this key."""
    consumer = Consumer({"bootstrap.servers": server.address("plaintext"), "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([place])
    values = []

    def arrived():
        values.extend(each.value() or b"" for each in consumer.consume(100, 0.2) if each.error() is None and each.key() == key.encode())
        return bool(values)
    try:
        wait_until(arrived, f"a record with key {key} in {place}")
    finally:
        consumer.close()
    return values[0]


CASE = Case(
    plugin="kafka",
    server="kafka",
    place=topic,
    output=lambda server, place: {"brokers": server.address("sasl_plaintext"), "publishTopic": place, "authType": "password",
                                  "saslUsername": "alice", "saslPassword": "alice-secret", "disableTls": "true"},
    operations=[Operation("create", metadata=lambda server, place, key: {"partitionKey": key}, found=record,
                          # The record without a value, a tombstone, is asked for so.
                          expected=lambda payload: b"" if payload == b"null" else payload)],
    source=Source(
        fields=lambda server, place: {"brokers": server.address("plaintext"), "topics": place, "consumerGroup": place, "authType": "none",
                                      "initialOffset": "oldest", "sessionTimeout": "6s"},
        publish=publish,
        gives_back=False,
    ),
    nobody=lambda port: {"brokers": f"127.0.0.1:{port}"},
    secrets=("alice-secret",),
    # librdkafka sends from the host's memory and keeps what a broker may have got for up to a minute: the call ends after that.
    can_hang=False,
    # librdkafka 2.15.1: 328 bytes after a hundred bare clients, up to 7,200 after a hundred that have had a connection.
    library_keeps=100,
)
