"""Rows with NATS."""
from bench import Settings
from report import CostRow, Goal
from rows import Output, calls, floor, memory
from servers import Server, running

LOGIN = {"username": "alice", "password": "alice-secret"}
SUBJECT = "bench"


def place(settings: Settings):
    return running(settings, "nats")


def floor_create(settings: Settings, server: Server):
    where = f"nats://{LOGIN['username']}:{LOGIN['password']}@{server.address('plain')}"
    return floor(settings, "nats_create", server=where, subject=SUBJECT)


def fields(server: Server) -> dict[str, str]:
    return {"url": f"nats://{server.address('plain')}", "publishSubject": SUBJECT, **LOGIN}


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    output = Output("nats", fields(server), lambda: floor_create(settings, server))
    return calls(settings, output, f"nats-create-{connections}", "POST of 1 KB to a message that the NATS server has", connections,
                 Goal(times=1.5))


ROWS = {
    "nats-create-1": lambda settings, server: create(settings, server, 1),
    "nats-create-32": lambda settings, server: create(settings, server, 32),
    "memory-nats": lambda settings, server: memory(settings, "nats", {**fields(server), "direction": "output"},
                                                   lambda: floor_create(settings, server)),
}
