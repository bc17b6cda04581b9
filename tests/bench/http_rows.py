"""Rows that need no broker: invoke, events of the generator, start, idle."""
import statistics
import time
from contextlib import nullcontext

from bench import Host, Settings, component, wait_healthy, while_sending
from processes import Sample, Started, run_tool
from report import CostRow, Goal, ValueRow
from rows import DEFAULT_IN_FLIGHT, Output, added, application, calls, cost_row, floor, memory_rows

BATCH = 100
WAITING = 100_000


def floor_server(settings: Settings) -> Started:
    return floor(settings, "http_server")


def null_output(settings: Settings) -> Output:
    return Output("null", {}, lambda: floor_server(settings))


def null_invoke(settings: Settings, connections: int) -> CostRow:
    return calls(settings, null_output(settings), f"null-{connections}", "POST of 1 KB to bindings.null", connections, Goal(plus=4))


def generator_floor(settings: Settings, connections: int) -> Sample:
    with application(settings) as app, floor(settings, "http_client", port=app.port, connections=connections) as client:
        return while_sending(settings, client, app)


def generator_host(settings: Settings, lanes: int, **more) -> Sample:
    events = component("events", "generator", size=1024, lanes=lanes, **more)
    with application(settings) as app, Host(settings, "host-generator", [events], app.port) as host:
        return while_sending(settings, host, app)


def generator(settings: Settings, name: str, lanes: int, connections: int) -> CostRow:
    products, floors = [], []
    for _ in range(settings.rounds):
        floors.append(generator_floor(settings, connections))
        products.append(generator_floor(settings, connections) if settings.self_check else generator_host(settings, lanes))
    return cost_row(name, f"event of 1 KB from bindings.generator, {connections} at a time", Goal(times=1.5), products, floors)


def generator_batch(settings: Settings) -> CostRow:
    """Batches beside the same host with single events, whose CPU for an event is to be three times as much."""
    batches, singles = [], []
    for _ in range(settings.rounds):
        singles.append(generator_host(settings, 0))
        batches.append(generator_host(settings, 0) if settings.self_check else generator_host(settings, 0, batchMax=BATCH))
    return cost_row("generator-batch", f"generator, batches of {BATCH}, beside generator-free", Goal(times=1 / 3), batches, singles)


def waiting(settings: Settings) -> ValueRow:
    """What the heap holds for an event that waits, beyond the event's own bytes."""
    def run(*how: str) -> float:
        return run_tool([settings.tool("bench_waiting"), "--events", str(WAITING), *how])["overhead_bytes"]
    bare = run("--bare", "1")
    product = bare if settings.self_check else run()
    return ValueRow("waiting", f"heap for each of {WAITING:,} waiting events, beyond its own bytes", "B", product, bare,
                    Goal(at_most=200), {"product": [product], "floor": [bare]})


def start(settings: Settings) -> ValueRow:
    products, floors = [], []
    for _ in range(settings.starts):
        with floor_server(settings) as bare:
            floors.append(wait_healthy(bare))
        with null_output(settings).host(settings) as host:
            products.append(wait_healthy(host) if settings.self_check else host.ready_ms)
    return ValueRow("start", "exec to healthz 204, one null component, median", "ms", statistics.median(products),
                    statistics.median(floors), Goal(at_most=15), {"product": products, "floor": floors})


def idle(settings: Settings) -> list[ValueRow]:
    with floor_server(settings) as bare, (
            floor_server(settings) if settings.self_check else Host(settings, "host-alone", [])) as host:
        time.sleep(1)
        return memory_rows("idle", "host alone", 10, host, bare)


def place(_settings: Settings):
    return nullcontext()


ROWS = {
    "null-1": lambda settings, _: null_invoke(settings, 1),
    "null-32": lambda settings, _: null_invoke(settings, 32),
    "null-256": lambda settings, _: null_invoke(settings, 256),
    "generator-free": lambda settings, _: generator(settings, "generator-free", 0, DEFAULT_IN_FLIGHT),
    "generator-8": lambda settings, _: generator(settings, "generator-8", 8, 8),
    "generator-1": lambda settings, _: generator(settings, "generator-1", 1, 1),
    "generator-batch": lambda settings, _: generator_batch(settings),
    "waiting": lambda settings, _: waiting(settings),
    "added-invoke": lambda settings, _: added(settings, null_output(settings), "added-invoke", "an invocation", Goal(at_most=0.3)),
    "start": lambda settings, _: start(settings),
    "idle": lambda settings, _: idle(settings),
}
