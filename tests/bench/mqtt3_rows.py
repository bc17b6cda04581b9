"""Rows with an MQTT broker."""
from bench import Settings
from report import CostRow, Goal
from rows import Output, calls, floor, memory
from servers import Server, running

TOPIC = "bench"


def place(settings: Settings):
    return running(settings, "mosquitto")


def floor_create(settings: Settings, server: Server):
    return floor(settings, "mqtt3_create", server=server.ports["plain"], topic=TOPIC)


def fields(server: Server) -> dict[str, str]:
    return {"url": f"tcp://{server.address('plain')}", "topic": TOPIC, "consumerID": "bench", "qos": "1"}


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    output = Output("mqtt3", fields(server), lambda: floor_create(settings, server))
    return calls(settings, output, f"mqtt3-create-{connections}", "POST of 1 KB to a message of QoS 1", connections, Goal(times=1.5))


ROWS = {
    "mqtt3-create-1": lambda settings, server: create(settings, server, 1),
    "mqtt3-create-32": lambda settings, server: create(settings, server, 32),
    "memory-mqtt3": lambda settings, server: memory(settings, "mqtt3", {**fields(server), "direction": "output"},
                                                    lambda: floor_create(settings, server)),
}
