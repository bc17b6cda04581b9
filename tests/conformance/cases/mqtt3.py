import uuid

from conformance.case import Case, Operation, Source
from support.servers_mqtt import Client, save


def topic(server, name):
    """A topic, and the session of the client that will read it: what is published before a session is there goes to nobody."""
    found = f"{name}-{uuid.uuid4().hex[:8]}"
    Client(server.port("plain"), "5", name=f"{found}-consumer", clean=False, expiry=3600).subscribe(found).close()
    return found


def publish(server, place, payloads):
    client = Client(server.port("plain"), "5")
    sent = [client.paho.publish(place, payload, 1) for payload in payloads]
    for one in sent:
        one.wait_for_publish(60)
        assert one.is_published()
    client.close()
    save(server)


def retained(server, place, key, done):
    """What the broker keeps under the call's own topic. It keeps nothing for an empty payload."""
    client = Client(server.port("plain"), "5").subscribe(f"{place}/{key}")
    end = f"{place}/{key}"
    client.paho.publish(end, b"the end", 1).wait_for_publish(30)
    try:
        first = client.get()
        return first.payload if first.retain else b""
    finally:
        client.close()


CASE = Case(
    plugin="mqtt3",
    server="mosquitto",
    place=topic,
    output=lambda server, place: {"url": f"tcp://127.0.0.1:{server.port('plain')}", "username": "alice", "password": "alice-secret",
                                  "topic": place, "consumerID": f"{place}-out", "protocolVersion": "5"},
    operations=[Operation("create", metadata=lambda server, place, key: {"topic": f"{place}/{key}", "retain": "true"}, found=retained)],
    source=Source(
        fields=lambda server, place: {"url": f"tcp://127.0.0.1:{server.port('plain')}", "topic": place, "consumerID": place,
                                      "protocolVersion": "5"},
        publish=publish,
    ),
    nobody=lambda port: {"url": f"tcp://alice:alice-secret@127.0.0.1:{port}"},
    secrets=("alice-secret",),
)
