import asyncio

import nats

from conformance.case import Case, Operation, Source


def with_client(server, work):
    """What `work(connection)` gives, over a connection of another client."""
    async def run():
        connection = await nats.connect(f"nats://{server.address('plain')}", user="alice", password="alice-secret")
        try:
            return await work(connection)
        finally:
            await connection.close()
    return asyncio.run(run())


def stream(server, name):
    async def make(connection):
        await connection.jetstream().add_stream(name=name, subjects=[f"{name}.>"])
    with_client(server, make)
    return name


def publish(server, place, payloads):
    async def send(connection):
        for payload in payloads:
            await connection.jetstream().publish(f"{place}.event", payload)
    with_client(server, send)


def stored(server, place, key, done):
    """The last message of the subject, which the answer names too."""
    async def read(connection):
        return await connection.jetstream().get_last_msg(place, f"{place}.{key}")
    message = with_client(server, read)
    assert done.header("sequence") == str(message.seq) and done.header("stream") == place
    return message.data or b""


CASE = Case(
    plugin="nats",
    server="nats",
    place=stream,
    output=lambda server, place: {"url": server.address("plain"), "username": "alice", "password": "alice-secret", "jetstream": "true"},
    operations=[Operation("create", metadata=lambda server, place, key: {"subject": f"{place}.{key}"}, found=stored,
                          answers=("stream", "sequence", "duplicate"))],
    source=Source(
        fields=lambda server, place: {"url": server.address("plain"), "username": "alice", "password": "alice-secret", "stream": place,
                                      "durable": "reader", "ackWait": "3s"},
        publish=publish,
    ),
    nobody=lambda port: {"url": f"127.0.0.1:{port}"},
    secrets=("alice-secret",),
)
