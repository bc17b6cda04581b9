"""Rows with Event Hubs: a Kafka with the service's login over TLS."""
from contextlib import contextmanager
from dataclasses import dataclass

import kafka_rows
from bench import Settings
from report import CostRow, Goal
from rows import Output, Source, calls, events, floor
from servers import Server, running

CONNECTION = ("Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;"
              "SharedAccessKey=cGxhbnRlZC1rZXk=")


@dataclass
class Hubs:
    kafka: Server
    topics: dict[str, str]

    def endpoint(self) -> str:
        return f"localhost:{self.kafka.ports['sasl_ssl']}"

    def fields(self, topic: str) -> dict[str, str]:
        certificate = (self.kafka.data / "tls" / "ca.pem").read_text(encoding="ascii").replace("\n", "\\n")
        return {"connectionString": CONNECTION, "eventHub": self.topics[topic], "endpoint": self.endpoint(), "caCert": certificate}

    def floor(self, settings: Settings, program: str, topic: str, **more):
        login = {"hub-connection": CONNECTION, "ca": self.kafka.data / "tls" / "ca.pem"}
        return floor(settings, program, brokers=self.endpoint(), topic=self.topics[topic], **login, **more)


@contextmanager
def place(settings: Settings):
    with running(settings, "kafka") as kafka:
        settings.brokers = kafka.address("plaintext")
        topics = kafka_rows.create_topics(settings)
        kafka_rows.warm_up(settings, topics)
        yield Hubs(kafka, topics)


def create(settings: Settings, hubs: Hubs, connections: int) -> CostRow:
    output = Output("azure.eventhubs", hubs.fields("out"), lambda: hubs.floor(settings, "kafka_create", "out"))
    return calls(settings, output, f"eventhubs-create-{connections}", "POST of 1 KB to an event, over TLS", connections, Goal(times=1.5))


def events_in(settings: Settings, hubs: Hubs) -> CostRow:
    source = Source(
        "azure.eventhubs", fill=lambda: (int(kafka_rows.RECORDS[8] * 0.8), {}),
        fields=lambda _: {**hubs.fields("in-8"), "consumerGroup": kafka_rows.group(), "initialOffset": "oldest"},
        floor=lambda _, port: hubs.floor(settings, "kafka_in", "in-8", group=kafka_rows.group(), port=port))
    return events(settings, source, "eventhubs-in-8", "event of 1 KB to a POST to offset, 8 partitions, in order, over TLS", Goal(times=1.5))


ROWS = {
    "eventhubs-create-1": lambda settings, hubs: create(settings, hubs, 1),
    "eventhubs-create-32": lambda settings, hubs: create(settings, hubs, 32),
    "eventhubs-in-8": events_in,
}
