"""Rows with Pub/Sub: Google's server for tests."""
import itertools
import json
import os
import time
import urllib.request
from contextlib import contextmanager

from bench import Settings
from report import CostRow, Goal
from rows import DEFAULT_IN_FLIGHT, Output, Source, calls, events, fill, floor
from servers import Server, running

PROJECT = "bench"
EMULATOR = "PUBSUB_EMULATOR_HOST"
numbers = itertools.count(1)


@contextmanager
def place(settings: Settings):
    with running(settings, "pubsub") as server:
        # The host inherits it: without credentials there is no other way to an emulator.
        os.environ[EMULATOR] = server.address("http")
        try:
            yield server
        finally:
            del os.environ[EMULATOR]


def topic(server: Server, is_read: bool) -> str:
    """The name of a new one; of its subscription too."""
    name = f"bench-{time.time_ns()}-{next(numbers)}"
    full = f"projects/{PROJECT}/topics/{name}"
    made = {full: {}}
    if is_read:
        made[f"projects/{PROJECT}/subscriptions/{name}"] = {"topic": full, "ackDeadlineSeconds": 60}
    for path, body in made.items():
        asked = urllib.request.Request(f"http://{server.address('http')}/v1/{path}", json.dumps(body).encode(),
                                       {"Content-Type": "application/json"}, method="PUT")
        urllib.request.urlopen(asked, timeout=10).close()
    return name


def floor_create(settings: Settings, server: Server, name: str):
    return floor(settings, "pubsub_create", server=server.ports["http"], topic=f"projects/{PROJECT}/topics/{name}")


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    name = topic(server, False)
    output = Output("gcp.pubsub", {"topic": name, "projectID": PROJECT}, lambda: floor_create(settings, server, name))
    return calls(settings, output, f"pubsub-create-{connections}", "POST of 1 KB to a message that the topic has", connections, Goal(times=1.5))


def events_in(settings: Settings, server: Server) -> CostRow:
    def filled() -> tuple[int, dict]:
        name = topic(server, True)
        return fill(settings, lambda: floor_create(settings, server, name), settings.seconds * 2), {"name": name}
    source = Source(
        "gcp.pubsub", fields=lambda at: {"subscription": at["name"], "projectID": PROJECT}, fill=filled,
        floor=lambda at, port: floor(settings, "pubsub_in", server=server.ports["http"], port=port, connections=DEFAULT_IN_FLIGHT,
                                     subscription=f"projects/{PROJECT}/subscriptions/{at['name']}"))
    return events(settings, source, "pubsub-in", "message of 1 KB of a subscription to a POST to its acknowledgement", Goal(times=1.5))


ROWS = {
    "pubsub-create-1": lambda settings, server: create(settings, server, 1),
    "pubsub-create-64": lambda settings, server: create(settings, server, 64),
    "pubsub-in": events_in,
}
