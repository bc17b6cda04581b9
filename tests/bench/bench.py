"""What all rows share: where the programs are, how the host is set up, how a run is sampled."""
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from processes import BenchError, Sample, Started, get, post, run_tool


@dataclass
class Settings:
    build: Path
    rounds: int = 3
    seconds: float = 2.0
    warm_up: float = 0.5
    starts: int = 20
    self_check: bool = False
    given_brokers: str | None = None  # HOST:PORT of a Kafka that runs already
    brokers: str = ""                 # HOST:PORT of the Kafka in use
    mock: bool = False
    logs: Path = field(init=False)

    def __post_init__(self):
        self.logs = self.build / "bench-logs"

    def tool(self, name: str) -> str:
        return str(self.build / "tests" / "bench" / name)


def component(name: str, kind: str, **metadata) -> str:
    items = "".join(f"\n  - {{ name: {key}, value: \"{value}\" }}" for key, value in metadata.items())
    return (f"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n"
            f"  type: bindings.{kind}\n  version: v1\n  metadata:{items or ' []'}\n")


class Host(Started):
    """The product, with the given components; ready when /v1.0/healthz answers 204."""

    def __init__(self, settings: Settings, name: str, components: list[str], application: int | None = None):
        folder = settings.logs / f"{name}.resources"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for number, text in enumerate(components):
            (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
        command = [str(settings.build / "cleat"), "--app-id", "bench", "--dapr-http-port", "0", "--log-as-json",
                   "--resources-path", str(folder), "--plugin-dir", str(settings.build / "plugins")]
        if application is not None:
            command += ["--app-port", str(application)]
        super().__init__(name, command, settings.logs)
        self.ready_ms = wait_healthy(self)


def wait_healthy(started: Started, wait: float = 30.0) -> float:
    """Milliseconds from just before exec until /v1.0/healthz answers 204."""
    while time.monotonic() - started.begun < wait:
        started.check()
        try:
            if get(started.port, "/v1.0/healthz")[0] == 204:
                return (time.monotonic() - started.begun) * 1000
        except OSError:
            pass
        time.sleep(0.0005)
    started.stop()
    raise BenchError(f"{started.name} was not healthy within {wait:.0f} s\n{started.tail()}")


@dataclass(frozen=True)
class Call:
    """What is invoked. All of the request's body has `size` bytes; 0: without data. That is an object with one text, `member`."""
    operation: str = "create"
    metadata: dict = field(default_factory=dict)
    size: int = 1024
    member: str = "text"

    def body(self) -> bytes:
        return json.dumps({"operation": self.operation, "metadata": self.metadata, "data": {self.member: "x"}}).encode()

    def words(self) -> list[str]:
        metadata = ["--metadata", json.dumps(self.metadata)] if self.metadata else []
        return ["--operation", self.operation, *metadata, "--size", str(self.size), "--member", self.member]


def load(settings: Settings, server: Started, path: str, connections: int, seconds: float, call: Call = Call(), rate: float = 0) -> dict:
    return run_tool([settings.tool("bench_load"), "--port", str(server.port), "--path", path, "--connections", str(connections),
                     "--seconds", str(seconds), "--rate", str(rate), *call.words()])


def wait_answered(server: Started, path: str, call: Call, wait: float = 30.0):
    """Until a first call succeeds: a component may still be connecting when its host is healthy."""
    end = time.monotonic() + wait
    status, answer = post(server.port, path, call.body())
    while status // 100 != 2:
        server.check()
        if time.monotonic() > end:
            raise BenchError(f"{server.name}: no call succeeded within {wait:.0f} s, the last one: {status} "
                             f"{answer.decode(errors='replace')}\n{server.tail()}")
        time.sleep(0.05)
        status, answer = post(server.port, path, call.body())


def under_load(settings: Settings, server: Started, path: str, connections: int, call: Call = Call(), rate: float = 0) -> Sample:
    """Loads a server and measures it: a warm-up, then `seconds`."""
    wait_answered(server, path, call)
    load(settings, server, path, connections, settings.warm_up, call)
    before = server.cpu_seconds()
    done = load(settings, server, path, connections, settings.seconds, call, rate)
    cpu = server.cpu_seconds() - before
    return Sample(done["operations"] / done["seconds"], done["p50_us"], done["p99_us"], cpu * 1e6 / done["operations"])


def stats(application: Started) -> dict:
    return json.loads(get(application.port, "/stats")[1])


def wait_count(sender: Started, application: Started, count: int, wait: float = 60.0):
    end = time.monotonic() + wait
    while stats(application)["count"] < count:
        sender.check()
        if time.monotonic() > end:
            raise BenchError(f"{sender.name}: the application got {stats(application)['count']} of {count} events within "
                             f"{wait:.0f} s\n{sender.tail()}")
        time.sleep(0.02)


def while_sending(settings: Settings, sender: Started, application: Started, limit: int | None = None) -> Sample:
    """Measures a sender by what the application counts: after the warm-up, for `seconds` or until `limit` events are in."""
    wait_count(sender, application, 500)
    if limit is None:
        time.sleep(settings.warm_up)
    else:
        wait_count(sender, application, limit // 8)
    get(application.port, "/reset")
    begun, cpu = stats(application), sender.cpu_seconds()
    end = time.monotonic() + settings.seconds
    while time.monotonic() < end:
        time.sleep(0.01)
        if limit is not None and stats(application)["count"] >= limit - limit // 8:
            break
    done, cpu = stats(application), sender.cpu_seconds() - cpu
    events, seconds = done["count"] - begun["count"], (done["at_ns"] - begun["at_ns"]) / 1e9
    if events <= 0:
        raise BenchError(f"{sender.name}: no event reached the application in {seconds:.1f} s\n{sender.tail()}")
    return Sample(events / seconds, done["gap_p50_us"], done["gap_p99_us"], cpu * 1e6 / events)
