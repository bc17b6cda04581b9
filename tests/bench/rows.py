"""How a row is measured: the product and its floor in turn, in the same run."""
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Callable

from bench import Call, Host, Settings, component, load, under_load, wait_answered, while_sending
from processes import Sample, Started
from report import CostRow, Goal, ValueRow

# What the host has out at a time when neither lanes nor maxInFlight say otherwise.
DEFAULT_IN_FLIGHT = 64


def floor(settings: Settings, program: str, **options) -> Started:
    """floor_<program>, with these options."""
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    return Started("floor-" + program.replace("_", "-"), [settings.tool("floor_" + program), *words], settings.logs)


def application(settings: Settings, *words: str) -> Started:
    return Started("application", [settings.tool("bench_application"), *words], settings.logs)


def cost_row(name, what, goal, products: list[Sample], floors: list[Sample]) -> CostRow:
    return CostRow(name, what, Sample.middle(products), Sample.middle(floors), goal, {"product": products, "floor": floors})


@dataclass
class Output:
    """A component that is called, and the floor beside it. `floor` starts it."""
    kind: str
    fields: dict[str, str]
    floor: Callable[[], Started]
    call: Call = field(default_factory=Call)

    def host(self, settings: Settings) -> Started:
        if settings.self_check:
            return self.floor()
        return Host(settings, f"host-{self.kind}-out", [component("out", self.kind, direction="output", **self.fields)])


def calls(settings: Settings, output: Output, name: str, what: str, connections: int, goal: Goal) -> CostRow:
    products, floors = [], []
    with output.floor() as bare, output.host(settings) as host:
        for _ in range(settings.rounds):
            floors.append(under_load(settings, bare, "/", connections, output.call))
            products.append(under_load(settings, host, "/v1.0/bindings/out", connections, output.call))
    return cost_row(name, f"{what}, {connections} caller{'s' if connections > 1 else ''}", goal, products, floors)


@dataclass
class Source:
    """A component that brings events, and the floor beside it. `fill` makes a source with so much in it that a run does not
    come to its end, and says how much and what names it to the other two. It is asked before each round of each."""
    kind: str
    fields: Callable[[dict], dict[str, str]]
    floor: Callable[[dict, int], Started]
    fill: Callable[[], tuple[int, dict]]

    def host(self, settings: Settings, place: dict, port: int) -> Started:
        if settings.self_check:
            return self.floor(place, port)
        return Host(settings, f"host-{self.kind}-in", [component("events", self.kind, direction="input", **self.fields(place))], port)


def events(settings: Settings, source: Source, name: str, what: str, goal: Goal) -> CostRow:
    def run(make) -> Sample:
        count, place = source.fill()
        with application(settings) as app, make(place, app.port) as sender:
            return while_sending(settings, sender, app, limit=count)
    products, floors = [], []
    for _ in range(settings.rounds):
        floors.append(run(source.floor))
        products.append(run(lambda place, port: source.host(settings, place, port)))
    return cost_row(name, what, goal, products, floors)


def fill(settings: Settings, make: Callable[[], Started], seconds: float) -> int:
    """Fills a source through the floor of an output to it; how many events it then has."""
    with make() as filler:
        wait_answered(filler, "/", Call())
        return load(settings, filler, "/", 64, seconds)["operations"]


def added_rows(name: str, what: str, goal: Goal | None, products: list, floors: list) -> list[ValueRow]:
    """`products` and `floors` are pairs of p50 and p99 in µs, one of each per round."""
    rows = []
    for at, quantile in enumerate(("p50", "p99")):
        later = [product[at] - bare[at] for product, bare in zip(products, floors)]
        rows.append(ValueRow(f"{name}-{quantile}", f"{quantile} of {what}, open loop: product less floor", "ms",
                             statistics.median(later) / 1000, statistics.median(bare[at] for bare in floors) / 1000,
                             goal if quantile == "p99" else None, {"product": products, "floor": floors}))
    return rows


def added(settings: Settings, output: Output, name: str, what: str, goal: Goal) -> list[ValueRow]:
    """How much later a caller has its answer than from the floor, at a pace that loads nobody."""
    def run(server: Started, path: str) -> tuple[float, float]:
        sample = under_load(settings, server, path, 16, output.call, rate=1000)
        return sample.p50_us, sample.p99_us
    products, floors = [], []
    with output.floor() as bare, output.host(settings) as host:
        for _ in range(settings.rounds):
            floors.append(run(bare, "/"))
            products.append(run(host, "/v1.0/bindings/out"))
    return added_rows(name, f"{what} at 1,000/s", goal, products, floors)


def memory_rows(name: str, what: str, goal: float, host: Started, bare: Started) -> list[ValueRow]:
    product, other = host.status(), bare.status()
    return [ValueRow(f"{name}-memory", f"resident, {what}", "MB", product["VmRSS"] / 1024, other["VmRSS"] / 1024,
                     Goal(at_most=goal), {"product": [product], "floor": [other]}),
            ValueRow(f"{name}-threads", f"threads, {what}", "", product["Threads"], other["Threads"], None)]


def memory(settings: Settings, kind: str, fields: dict[str, str], bare: Callable[[], Started] | None = None) -> ValueRow:
    """What a connected, idle component adds to a host, beside what its client library adds to the bare server."""
    def resident(started: Started) -> float:
        time.sleep(1)
        return started.status()["VmRSS"] / 1024
    with ExitStack() as stack:
        open_one = stack.enter_context
        alone = resident(open_one(floor(settings, "http_server")))
        library = resident(open_one(bare())) - alone if bare else 0
        if settings.self_check:
            more = library
        else:
            port = open_one(application(settings)).port
            without = resident(open_one(Host(settings, "host-alone", [], port)))
            more = resident(open_one(Host(settings, f"host-{kind}", [component("one", kind, **fields)], port))) - without
    return ValueRow(f"memory-{kind}", f"resident, one idle {kind} component, beyond the host alone", "MB", more, library,
                    Goal(plus=5), {"product": [more], "floor": [library]})
