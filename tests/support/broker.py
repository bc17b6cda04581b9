"""Apache Kafka through scripts/brokers, and what a test asks of it."""

import uuid

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from .servers import Server, free_port
from .wait import wait_until


class Kafka(Server):
    """One broker in `folder`. After kill() or stop() it is started again on the same ports with its records."""

    def __init__(self, folder, start=True):
        self._admin = None
        super().__init__("kafka", folder, start)

    def add_gate(self, gate):
        """One listener more, whose clients are sent through the gate; the broker is started again for it."""
        self.stop()
        gate.target = free_port()
        path = self.folder / "server.properties"
        more = {"listeners": f"GATED://127.0.0.1:{gate.target}", "advertised.listeners": f"GATED://127.0.0.1:{gate.port}",
                "listener.security.protocol.map": "GATED:PLAINTEXT"}
        lines = [line + "," + more[line.partition("=")[0]] if line.partition("=")[0] in more else line
                 for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")
        self.start()

    def committed(self, group, topic):
        """The committed offset of each partition that has one. A broker that has just come back is asked again."""
        def asked():
            # A client lives no longer than a broker that answers it: one that was asked by its predecessor may wait for ever.
            if self._admin is None:
                self._admin = AdminClient({"bootstrap.servers": self.address(), "log_level": 0})
            try:
                return self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=4)[group].result(5)
            except (KafkaException, TimeoutError):
                self._admin = None
                return None
        answer = wait_until(asked, f"the committed offsets of {group}", 60)
        return {each.partition: each.offset for each in answer.topic_partitions if each.topic == topic and each.offset >= 0}

    def address(self, listener="plaintext"):
        return super().address(listener)

    def topic(self, partitions=1, name=None):
        name = name or f"t-{uuid.uuid4().hex[:10]}"
        admin = AdminClient({"bootstrap.servers": self.address()})
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
        return name

    def partitions(self, topic):
        return len(AdminClient({"bootstrap.servers": self.address()}).list_topics(topic, 30).topics[topic].partitions)

    def produce(self, topic, *records):
        """Records are bytes, or mappings of what Producer.produce takes. Returns when all are acknowledged."""
        producer = Producer({"bootstrap.servers": self.address(), "log_level": 0, "linger.ms": 1, "enable.idempotence": True})
        failures = []
        for record in records:
            arguments = {"value": record} if isinstance(record, (bytes, type(None))) else record
            while True:
                try:
                    producer.produce(topic, on_delivery=lambda error, _: failures.append(error) if error else None, **arguments)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(60) == 0 and not failures, f"not produced: {failures[:3]}"

    def consume(self, topic, count, deadline=30.0):
        """The first `count` records of a topic."""
        consumer = Consumer({"bootstrap.servers": self.address(), "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest",
                             "enable.auto.commit": False})
        consumer.subscribe([topic])
        found = []
        try:
            def more():
                found.extend(message for message in consumer.consume(count, 0.2) if message.error() is None)
                return len(found) >= count
            wait_until(more, lambda: f"{count} records in {topic}, there were {len(found)}", deadline)
        finally:
            consumer.close()
        return found
