"""Rows with Redis."""
import itertools
import time

from bench import Call, Settings
from report import CostRow, Goal, ValueRow
from rows import DEFAULT_IN_FLIGHT, Output, Source, added, calls, events, fill, floor, memory
from servers import Server, running

PASSWORD = "redis-secret"
numbers = itertools.count(1)


def place(settings: Settings):
    return running(settings, "redis")


def floor_set(settings: Settings, server: Server, **more):
    return floor(settings, "redis_set", server=server.ports["plain"], password=PASSWORD, key="bench", **more)


def fields(server: Server) -> dict[str, str]:
    return {"redisHost": server.address("plain"), "redisPassword": PASSWORD}


def output(settings: Settings, server: Server) -> Output:
    return Output("redis", fields(server), lambda: floor_set(settings, server), Call(metadata={"key": "bench"}))


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    return calls(settings, output(settings, server), f"redis-set-{connections}", "POST of 1 KB to a SET of Redis", connections,
                 Goal(times=1.5))


def events_in(settings: Settings, server: Server) -> CostRow:
    """One stream for all rounds: each reads it from the beginning as a group of its own."""
    stream = f"bench-{time.time_ns()}"
    count = fill(settings, lambda: floor_set(settings, server, stream=stream), settings.seconds * 2)
    source = Source(
        "redis", fields=lambda at: {**fields(server), "stream": stream, "consumerGroup": at["group"]},
        floor=lambda at, port: floor(settings, "redis_in", server=server.ports["plain"], password=PASSWORD, stream=stream,
                                     group=at["group"], port=port, connections=DEFAULT_IN_FLIGHT),
        fill=lambda: (count, {"group": f"group-{next(numbers)}"}))
    return events(settings, source, "redis-in", "entry of 1 KB of a Redis stream to a POST to XACK", Goal(times=1.5))


def idle(settings: Settings, server: Server) -> ValueRow:
    return memory(settings, "redis", {**fields(server), "stream": "idle"}, lambda: floor_set(settings, server))


ROWS = {
    "redis-set-1": lambda settings, server: create(settings, server, 1),
    "redis-set-32": lambda settings, server: create(settings, server, 32),
    "redis-in": events_in,
    "added-redis": lambda settings, server: added(settings, output(settings, server), "added-redis", "a SET", Goal(at_most=0.5)),
    "memory-redis": idle,
}
