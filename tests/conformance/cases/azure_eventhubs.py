from conformance.case import Case, Operation, Source
from support.servers_azure import HUB_CONNECTION

from . import kafka


def login(server, place):
    return {"connectionString": HUB_CONNECTION, "eventHub": place, "endpoint": server.address("sasl_ssl"), "caCert": server.tls("ca.pem")}


CASE = Case(
    plugin="azure.eventhubs",
    server="kafka",
    place=kafka.topic,
    output=login,
    operations=[Operation("create", metadata=lambda server, place, key: {"partitionKey": key}, found=kafka.record)],
    source=Source(
        fields=lambda server, place: {**login(server, place), "consumerGroup": place, "initialOffset": "oldest", "sessionTimeout": "6s"},
        publish=kafka.publish,
        gives_back=False,
    ),
    nobody=lambda port: {"endpoint": f"127.0.0.1:{port}"},
    secrets=("cGxhbnRlZC1rZXk",),
    # As for bindings.kafka, whose client this is.
    can_hang=False,
    # librdkafka 2.15.1 with TLS: 7,500 to 29,000 bytes after a hundred bare clients, another number each time; more on a busy machine.
    library_keeps=1000,
)
