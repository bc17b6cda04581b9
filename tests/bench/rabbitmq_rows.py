"""Rows with RabbitMQ."""
import itertools
import time

from bench import Settings
from report import CostRow, Goal, ValueRow
from rows import DEFAULT_IN_FLIGHT, Output, Source, added, calls, events, fill, floor, memory
from servers import Server, running

numbers = itertools.count(1)


def place(settings: Settings):
    return running(settings, "rabbitmq")


def queue() -> str:
    return f"bench-{time.time_ns()}-{next(numbers)}"


def floor_create(settings: Settings, server: Server, name: str):
    return floor(settings, "rabbitmq_create", server=server.ports["amqp"], queue=name)


def fields(server: Server, name: str) -> dict[str, str]:
    return {"host": f"amqp://guest:guest@{server.address('amqp')}", "queueName": name, "durable": "true"}


def output(settings: Settings, server: Server) -> Output:
    name = queue()
    return Output("rabbitmq", fields(server, name), lambda: floor_create(settings, server, name))


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    return calls(settings, output(settings, server), f"rabbitmq-create-{connections}",
                 "POST of 1 KB to a confirmed message of RabbitMQ", connections, Goal(times=1.5))


def events_in(settings: Settings, server: Server) -> CostRow:
    def filled() -> tuple[int, dict]:
        name = queue()
        return fill(settings, lambda: floor_create(settings, server, name), settings.seconds * 2), {"queue": name}
    source = Source(
        "rabbitmq", fields=lambda at: fields(server, at["queue"]), fill=filled,
        floor=lambda at, port: floor(settings, "rabbitmq_in", server=server.ports["amqp"], queue=at["queue"], port=port,
                                     connections=DEFAULT_IN_FLIGHT))
    return events(settings, source, "rabbitmq-in", "message of 1 KB of a RabbitMQ queue to a POST to an acknowledgement",
                  Goal(times=1.5))


def idle(settings: Settings, server: Server) -> ValueRow:
    name = queue()
    return memory(settings, "rabbitmq", fields(server, name), lambda: floor_create(settings, server, name))


ROWS = {
    "rabbitmq-create-1": lambda settings, server: create(settings, server, 1),
    "rabbitmq-create-32": lambda settings, server: create(settings, server, 32),
    "rabbitmq-in": events_in,
    "added-rabbitmq": lambda settings, server: added(settings, output(settings, server), "added-rabbitmq", "a confirmed message",
                                                     Goal(at_most=0.5)),
    "memory-rabbitmq": idle,
}
