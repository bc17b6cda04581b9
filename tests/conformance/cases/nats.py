import asyncio
import functools
import json
import threading

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


@functools.cache
def start_echo(server):
    """Somebody who answers requests to echo.> with what they hold, for as long as the tests run."""
    is_ready = threading.Event()

    async def run():
        connection = await nats.connect(f"nats://{server.address('plain')}", user="alice", password="alice-secret",
                                        max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=ignore)

        async def answer(message):
            await message.respond(message.data)
        await connection.subscribe("echo.>", cb=answer)
        await connection.flush()
        is_ready.set()
        await asyncio.Event().wait()

    async def ignore(_):
        pass
    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    assert is_ready.wait(30)


def stream(server, name):
    start_echo(server)

    async def make(connection):
        context = connection.jetstream()
        await context.add_stream(name=name, subjects=[f"{name}.>"])
        # What the server tells of messages that were given up.
        await context.add_stream(name=f"{name}-terminated", subjects=[f"$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{name}.>"])
    with_client(server, make)
    return name


def terminated(server, place):
    async def read(connection):
        context = connection.jetstream()
        count = (await context.stream_info(f"{place}-terminated")).state.messages
        told = [json.loads((await context.get_msg(f"{place}-terminated", number + 1)).data) for number in range(count)]
        return [(await context.get_msg(place, each["stream_seq"])).data for each in told]
    return with_client(server, read)


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
                          answers=("stream", "sequence", "duplicate")),
                Operation("request", metadata=lambda server, place, key: {"subject": f"echo.{key}"},
                          found=lambda server, place, key, done: done.data or b"")],
    source=Source(
        fields=lambda server, place: {"url": server.address("plain"), "username": "alice", "password": "alice-secret", "stream": place,
                                      "durable": "reader", "ackWait": "5s"},
        publish=publish,
        dead_letters=terminated,
    ),
    nobody=lambda port: {"url": f"127.0.0.1:{port}"},
    secrets=("alice-secret",),
)
