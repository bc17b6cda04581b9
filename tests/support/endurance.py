"""The ten minutes in which no cloud service answers well: a host with every cloud type, a steady small caller for each output, inputs
that poll, and what the host takes of the machine meanwhile. For a test that lasts seconds, and for scripts/soak --cloud."""

import contextlib
import json
import os
import pathlib
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .app import Application
from .cloud import Cloud, call_of
from .gate import Gate
from .host import Host, component
from .servers_azure import HUB_CONNECTION
from .wait import holds_for, wait_until

# What a host may have grown by, whatever the time was: buffers and connections that are there once.
MOST_GROWTH = 3 << 20
DAYS = ("unavailable", "throttled", "refused")
INPUTS = ("sqs", "queue")
_TICK = os.sysconf("SC_CLK_TCK")
# Freed memory is kept for a while by AddressSanitizer, 256 MiB of it unless it is told otherwise: it would look like growth.
_SANITIZER = {"ASAN_OPTIONS": "exitcode=99:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


class Unrest:
    """How much a process wants of the processor, whatever others leave it: which of its threads are ready to run each time one looks, and how
    often they have gone to sleep. A thread that does not wait at all is ready whenever one looks, on an idle machine and on a full one."""

    def __init__(self, pid):
        self._threads = pathlib.Path(f"/proc/{pid}/task")
        self._looks, self._ready = 0, Counter()
        self._began, self._sleeps = time.monotonic(), self._sleeps_so_far()

    def look(self):
        self._looks += 1
        for thread in self._read("stat"):
            number, _, rest = thread.partition(" ")
            self._ready[number] += rest.rpartition(")")[2].split()[0] == "R"
        return True

    def busiest(self):
        """The share of the looks at which the busiest thread was ready."""
        return max(self._ready.values()) / self._looks

    def wakes(self):
        """How often in a second a thread has slept and gone on, over all threads."""
        return (self._sleeps_so_far() - self._sleeps) / (time.monotonic() - self._began)

    def _sleeps_so_far(self):
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[1]) for status in self._read("status"))

    def _read(self, what):
        for thread in self._threads.iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                yield (thread / what).read_text()


def usage(pid):
    """Seconds of processor time so far, and bytes that are resident now."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / _TICK, pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Measured:
    what: str
    seconds: float
    cpu: float  # of one processor
    busiest: float  # see Unrest
    wakes: float
    before: int
    after: int
    calls: int
    requests: int
    attempts: int  # to reach the hub
    lines: int

    def restless(self):
        """That a thread does not wait, or that the waits are short."""
        return self.busiest > 0.8 or self.wakes > 300

    def __str__(self):
        mib = 1 << 20
        return (f"{self.what} for {self.seconds:.0f} s: {self.cpu:.2%} of a processor, the busiest thread ready {self.busiest:.0%} of the "
                f"time, {self.wakes:.0f} wakes each second, {self.before / mib:.1f} MiB resident and then {self.after / mib:.1f}, {self.calls} calls failed, {self.requests} requests came to the services, {self.attempts} "
                f"connections to the hub's, {self.lines} lines of log")


def hub_of(kafka, **more):
    """What makes a component of Event Hubs out of the address where the service is to be found."""
    fields = {"connectionString": HUB_CONNECTION, "eventHub": kafka.topic(), "consumerGroup": "endurance", "initialOffset": "oldest",
              "caCert": kafka.tls("ca.pem"), "invokeTimeout": "2s", **more}
    return lambda address: component("hub", "bindings.azure.eventhubs", {**fields, "endpoint": address})


class Endurance:
    """`hub` is what hub_of() gives, and the service is reached at the port `hub_target`, through a gate; without it there is none. It
    begins in a bad time: nobody has been reached yet."""

    def __init__(self, folder, private_key, hub=None, hub_target=None):
        self.cloud = Cloud(private_key)
        self.app = Application()
        self.gate = Gate(hub_target)
        self.gate.flow("refuse")
        self.sent = {name: [] for name in INPUTS}
        self.names = [*self.cloud.services, *(["hub"] if hub else [])]
        texts = [self._component(name) for name in self.cloud.services] + ([hub(f"localhost:{self.gate.port}")] if hub else [])
        for service in self.cloud.services.values():
            service.day = "unavailable"
        self.host = Host(folder, *texts, app=self.app, env={**self.cloud.environment, **_SANITIZER}, options=["--log-level", "info"])
        wait_until(lambda: len(self.host.metadata()["cleat"]["components"]) == len(self.names), "all components are there")

    def _component(self, name):
        type_, fields = self.cloud.fields(name)
        return component(name, type_, {**fields, "direction": "input, output" if name in INPUTS else "output", "invokeTimeout": "2s"})

    # --- calling ---

    def call(self, name, text):
        data, metadata = call_of(name, text)
        return self.host.create(name, data, **metadata).status

    def _call_steadily(self, name, ended, failed, every):
        number = 0
        while not ended.wait(every):
            number += 1
            if self.call(name, f"{name}-{number}") not in (200, 204):
                failed[name] += 1

    def fail_fast(self, calls):
        """So many failed calls one after the other as fast as it goes, over all outputs but the hub, where each takes its time."""
        names = list(self.cloud.services)
        with ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(lambda number: self.call(names[number % len(names)], f"fast-{number}"), range(calls)))
        assert set(statuses) == {500}, statuses

    # --- the bad time ---

    def begin(self, day):
        """`day` for all services from here on."""
        self.gate.flow("refuse")
        self.gate.cut()
        for service in self.cloud.services.values():
            service.day = None if day == "refused" else day
            if day == "refused":
                service.stop()
            elif not service.is_listening:
                service.start()

    def endure(self, day, seconds, every=1.0):
        """What the host needs while it lasts, once the first moments are over: each output is called each `every` seconds."""
        self.begin(day)
        for name in INPUTS:
            self.sent[name].append(f"{name}-{day}-{len(self.sent[name])}")
            self.cloud.services[name].messages.put(self.sent[name][-1])
        ended, failed = threading.Event(), Counter()
        callers = [threading.Thread(target=self._call_steadily, args=(name, ended, failed, every)) for name in self.names]
        for caller in callers:
            caller.start()
        try:
            self._last(min(2.0, seconds / 4))  # what was on its way ends
            began, (cpu, before) = time.monotonic(), usage(self.host.process.pid)
            count, attempts, lines = self._count(), self.gate.count, self._lines()
            unrest = Unrest(self.host.process.pid)
            self._last(seconds, unrest)
            busiest, wakes = unrest.busiest(), unrest.wakes()
            took = time.monotonic() - began
            after_cpu, after = usage(self.host.process.pid)
        finally:
            ended.set()
            for caller in callers:
                caller.join()
        return Measured(day, took, (after_cpu - cpu) / took, busiest, wakes, before, after, sum(failed.values()), self._count() - count, self.gate.count - attempts,
                        self._lines() - lines)

    def _last(self, seconds, unrest=None):
        holds_for(lambda: self.host.process.poll() is None and (unrest is None or unrest.look()), seconds, lambda: f"the host ended:\n{self.host.output[-6000:]}")

    def _lines(self):
        return len(self.host.output.splitlines())

    def _count(self):
        return sum(service.count for service in self.cloud.services.values())

    def growth(self, calls):
        """Bytes that the host is larger after so many failed calls than after as many before."""
        self.fail_fast(calls)
        before = usage(self.host.process.pid)[1]
        self.fail_fast(calls)
        return usage(self.host.process.pid)[1] - before

    # --- afterwards ---

    def recover(self):
        """All are well again. Waits until each output takes calls and each input has brought what waited; gives the seconds it took."""
        began = time.monotonic()
        for service in self.cloud.services.values():
            service.day = None
            if not service.is_listening:
                service.start()
        self.gate.flow()
        for name in self.names:
            wait_until(lambda name=name: self.call(name, f"{name}-well") in (200, 204), lambda name=name: f"{name}: {self.host.state(name)}", 90)
        for name in INPUTS:
            wait_until(lambda name=name: set(self.sent[name]) <= self.seen(name), lambda name=name: f"{name} brings {self.sent[name]}", 90)
        for name in self.names:
            self.host.wait_for_state(name, lambda state: state.get("state") == "running", "is well", 60)
        return time.monotonic() - began

    def seen(self, name):
        return {each.body.decode() for each in self.app.requests(f"/{name}")}

    def check(self):
        """Nothing was deleted that the application has not had, and nobody has said a secret."""
        for name in INPUTS:
            lost = set(self.cloud.services[name].messages.deleted) - self.seen(name)
            assert not lost, f"{name} has deleted {sorted(lost)[:5]} without the application"
        texts = [self.host.output, json.dumps(self.host.metadata())]
        said = [secret for secret in self.cloud.planted for text in texts if secret in text]
        assert not said, f"the host says {said}"

    def close(self):
        try:
            self.host.finish()
        finally:
            if self.host.process.poll() is None:
                self.host.kill()
            self.gate.close()
            self.app.close()
            self.cloud.close()
