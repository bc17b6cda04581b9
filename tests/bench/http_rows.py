"""Rows that need no broker: invoke, events of the generator, start, idle."""
import statistics
import time

from bench import Host, Settings, component, under_load, wait_healthy, while_sending
from processes import Sample, Started, run_tool
from report import CostRow, Goal, ValueRow

# What the host has out at a time when neither lanes nor maxInFlight say otherwise.
DEFAULT_IN_FLIGHT = 64
BATCH = 100
WAITING = 100_000


def floor_server(settings: Settings) -> Started:
    return Started("floor-http-server", [settings.tool("floor_http_server")], settings.logs)


def null_host(settings: Settings) -> Started:
    return floor_server(settings) if settings.self_check else Host(settings, "host-null", [component("out", "null")])


def cost_row(name, what, goal, products: list[Sample], floors: list[Sample]) -> CostRow:
    return CostRow(name, what, Sample.middle(products), Sample.middle(floors), goal, {"product": products, "floor": floors})


def null_invoke(settings: Settings, connections: int) -> CostRow:
    products, floors = [], []
    with floor_server(settings) as floor, null_host(settings) as host:
        for _ in range(settings.rounds):
            floors.append(under_load(settings, floor, "/", connections))
            products.append(under_load(settings, host, "/v1.0/bindings/out", connections))
    return cost_row(f"null-{connections}", f"POST of 1 KB to bindings.null, {connections} callers", Goal(plus=4), products, floors)


def application(settings: Settings) -> Started:
    return Started("application", [settings.tool("bench_application")], settings.logs)


def generator_floor(settings: Settings, connections: int) -> Sample:
    with application(settings) as app, Started(
            "floor-http-client", [settings.tool("floor_http_client"), "--port", str(app.port),
                                  "--connections", str(connections)], settings.logs) as client:
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
    floor = run("--bare", "1")
    product = floor if settings.self_check else run()
    return ValueRow("waiting", f"heap for each of {WAITING:,} waiting events, beyond its own bytes", "B", product, floor,
                    Goal(at_most=200), {"product": [product], "floor": [floor]})


def added_rows(name: str, what: str, goal: Goal | None, products: list, floors: list) -> list[ValueRow]:
    """`products` and `floors` are pairs of p50 and p99 in µs, one of each per round."""
    rows = []
    for at, quantile in enumerate(("p50", "p99")):
        added = [product[at] - floor[at] for product, floor in zip(products, floors)]
        rows.append(ValueRow(f"{name}-{quantile}", f"{quantile} of {what}, open loop: product less floor", "ms",
                             statistics.median(added) / 1000, statistics.median(floor[at] for floor in floors) / 1000,
                             goal if quantile == "p99" else None, {"product": products, "floor": floors}))
    return rows


def added_invoke(settings: Settings) -> list[ValueRow]:
    """How much later a caller has its answer than from the floor, at a pace that loads nobody."""
    def run(server: Started, path: str) -> tuple[float, float]:
        sample = under_load(settings, server, path, 16, 1000)
        return sample.p50_us, sample.p99_us
    products, floors = [], []
    with floor_server(settings) as floor, null_host(settings) as host:
        for _ in range(settings.rounds):
            floors.append(run(floor, "/"))
            products.append(run(host, "/v1.0/bindings/out"))
    return added_rows("added-invoke", "an invocation at 1,000/s", Goal(at_most=0.3), products, floors)


def start(settings: Settings) -> ValueRow:
    products, floors = [], []
    for _ in range(settings.starts):
        with floor_server(settings) as floor:
            floors.append(wait_healthy(floor))
        with null_host(settings) as host:
            products.append(wait_healthy(host) if settings.self_check else host.ready_ms)
    return ValueRow("start", "exec to healthz 204, one null component, median", "ms", statistics.median(products),
                    statistics.median(floors), Goal(at_most=15), {"product": products, "floor": floors})


def idle(settings: Settings) -> list[ValueRow]:
    with floor_server(settings) as floor, (
            floor_server(settings) if settings.self_check else Host(settings, "host-alone", [])) as host:
        time.sleep(1)
        return memory_rows("idle", "host alone", 10, host, floor)


def memory_rows(name: str, what: str, goal: float, host: Started, floor: Started) -> list[ValueRow]:
    product, other = host.status(), floor.status()
    return [ValueRow(f"{name}-memory", f"resident, {what}", "MB", product["VmRSS"] / 1024, other["VmRSS"] / 1024,
                     Goal(at_most=goal), {"product": [product], "floor": [other]}),
            ValueRow(f"{name}-threads", f"threads, {what}", "", product["Threads"], other["Threads"], None)]


ROWS = {
    "null-1": lambda settings: null_invoke(settings, 1),
    "null-32": lambda settings: null_invoke(settings, 32),
    "null-256": lambda settings: null_invoke(settings, 256),
    "generator-free": lambda settings: generator(settings, "generator-free", 0, DEFAULT_IN_FLIGHT),
    "generator-8": lambda settings: generator(settings, "generator-8", 8, 8),
    "generator-1": lambda settings: generator(settings, "generator-1", 1, 1),
    "generator-batch": generator_batch,
    "waiting": waiting,
    "added-invoke": added_invoke,
    "start": start,
    "idle": idle,
}
