"""One run of the fault harness: a source of numbered events, the host, a gate, the application with its ledger, and a plan."""

import contextlib
import json
import pathlib
import struct
import time

from .gate import Gate
from .host import BUILD, Host, component
from .ledger import LedgerApplication
from .wait import holds_for, wait_until

_CLOCK_SHIFT = BUILD / "tests" / "support" / "clock_shift" / "clock_shift.so"
# Everything goes on within this time after a fault, or the run has failed. Reached only by a run that fails: what Kafka's client
# sent to a broker that was lost meanwhile it gives up after 60 s.
_RECOVERY = 90.0


class Rig:
    """`dead_letters`: the component has a dead-letter target, a bindings.sink; faults that need one are possible then.
    `control`: how the application behaves without a fault; 2 % of its answers are 500 unless said otherwise."""

    def __init__(self, folder, source, seed, dead_letters=False, **control):
        assert _CLOCK_SHIFT.exists(), f"{_CLOCK_SHIFT} is not built: the build needs its tests"
        self.folder, self.source, self.dead_letters = pathlib.Path(folder), source, dead_letters
        self.rejected = set()  # numbers that were answered so that they become dead letters
        self._dead, self.down = self.folder / "dead-letters", self.folder / "down"
        self._clock = self.folder / "clock"
        self.shift_clock(0)
        self.app = LedgerApplication(self.folder, seed, **({"failures": 0.02} | control))
        self.gate = Gate(self.app.port)
        self._hosts = []
        self._faults = 0
        self.start_host()

    # --- the parts ---

    @property
    def host(self):
        return self._hosts[-1]

    def start_host(self, log=None):
        texts = [self.source.component(**({"deadLetter": "sink"} if self.dead_letters else {}))]
        if self.dead_letters:
            texts.append(component("sink", "bindings.sink", {"file": self._dead, "down": self.down, "direction": "output"}))
        self._hosts.append(Host(self.folder / f"host{len(self._hosts)}", *texts, app=self.gate.port, log=log,
                                env={"LD_PRELOAD": str(_CLOCK_SHIFT), "CLEAT_CLOCK_SHIFT": str(self._clock)}))

    def shift_clock(self, seconds):
        """Lets the wall clock of the host jump to the right time plus `seconds`."""
        with self._clock.open("r+b" if self._clock.exists() else "wb") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))

    def dead(self):
        """The numbers in the dead-letter target, as often as they are there."""
        if not self._dead.exists():
            return []
        return [json.loads(line.partition("\t")[0])["n"] for line in self._dead.read_text().splitlines()]

    # --- for the faults ---

    def last(self, seconds):
        """The fault stays for a while, which the host has to survive."""
        holds_for(lambda: self.host.process.poll() is None, seconds, lambda: f"the host ended:\n{self.host.output[-6000:]}")

    def done(self):
        """How many events have come to their end, in the ledger or in the dead-letter target."""
        self.app.look()
        return len(set(self.app.seen) | (set(self.dead()) if self.dead_letters else set()))

    def flow(self, events):
        """Waits until so many more events are done: what the fault left has to go on."""
        goal = min(self.done() + events, self.source.events)
        self.wait_for(goal, f"{events} more events are done")

    def wait_for(self, count, what):
        wait_until(lambda: self.done() >= count, lambda: f"{what}: {self.done()} of {count}; {self._story()}", _RECOVERY)

    def wait_until(self, condition, what):
        """`condition` is asked with the ledger read to its end."""
        def asked():
            self.app.look()
            return condition()
        wait_until(asked, lambda: f"{what}; {self._story()}", _RECOVERY)

    def reject(self, chance, count):
        """Lets the application refuse some of the coming events for good (422); gives their numbers."""
        numbers = self.ahead(chance, count)
        self.rejected |= set(numbers)
        self.app.control(poison={str(number): 422 for number in numbers})
        return numbers

    def ahead(self, chance, count):
        """Numbers that have not come yet but soon will, each of another lane; none of them beyond the last event."""
        self.app.look()
        latest = {number % self.source.lanes: number for number in sorted({*self.app.seen, *self.dead()})}
        numbers = [latest.get(lane, lane) + self.source.lanes * chance.randint(1, 5)
                   for lane in chance.sample(range(self.source.lanes), count)]
        return sorted(number for number in numbers if number <= self.source.events)

    @contextlib.contextmanager
    def window(self, fault):
        self._faults += 1
        position = {"position": self.source.position()} if fault.explains == "position" else {}
        self.app.mark(fault=self._faults, edge="begin", name=fault.name, explains=fault.explains, **position)
        yield
        if fault.explains == "position":
            # What the source is told first was still on its way to it, perhaps. If a second word arrives the reader is still who it
            # was, or has been replaced.
            self._wait_for_position()
            self._wait_for_position()
        self.app.mark(fault=self._faults, edge="end")

    def _wait_for_position(self):
        """Until the source has been told of all that was taken up to now: then it has recovered, and the fault has no effect
        that is still to come. Events that are here already may flow long before that."""
        # A host that was killed leaves up to one request for each lane on the way to the application. With one event more than
        # that its successor is heard, so nothing of it is still to come.
        self.flow(self.source.lanes + 1)
        self.app.look()
        lanes = self.source.lanes
        taken = set(self.app.seen) | (set(self.dead()) if self.dead_letters else set())
        goal = {lane: next(number for number in range(lane, self.source.events + lanes + 1, lanes) if number not in taken)
                for lane in range(1, lanes + 1)}

        def arrived():
            return all(number >= goal[lane or lanes] or number > self.source.events for lane, number in self.source.position().items())
        wait_until(arrived, lambda: f"the source is told {goal}, it knows {self.source.position()}; {self._story()}", _RECOVERY)

    def _story(self):
        return f"in {self.folder}; the host said at last:\n{self.host.output[-3000:]}"

    # --- the run ---

    def run(self, plan):
        """Carries the plan out and waits for the end. Gives the verdict and the seconds it took."""
        began = time.monotonic()
        for at, fault, chance in plan:
            self.wait_for(at, f"{at} events before '{fault.name}'")
            with self.window(fault):
                fault.strike(self, chance)
        # Done for the source is the end also where the ledger says otherwise: then there are events missing.
        wait_until(lambda: self.source.is_done() or self.done() >= self.source.events,
                   lambda: f"the end; {self.judge()}; {self._story()}", _RECOVERY)
        wait_until(self.source.is_done, lambda: f"the source knows that all is done, it knows {self.source.position()}; {self._story()}", _RECOVERY)
        return self.judge(), time.monotonic() - began

    def judge(self):
        return self.app.judge(self.source.events, self.dead())

    def check_dead_letters(self):
        """Only what was refused is there, and twice only because of a kill between the write and the settling."""
        dead = self.dead()
        wrong = sorted(set(dead) - self.rejected)
        assert not wrong, f"dead letters that the application did not refuse: {wrong}"
        lost = sorted(self.rejected - set(dead) - set(self.app.seen))
        assert not lost, f"refused, and neither a dead letter nor taken: {lost}"
        twice = len(dead) - len(set(dead))
        # One of each lane may have been written and not settled when the host was killed.
        allowed = (len(self._hosts) - 1) * self.source.lanes
        assert twice <= allowed, f"{twice} dead letters came twice, the host was killed {len(self._hosts) - 1} times"

    def close(self):
        """The end, also of a run that failed. The last host must stop well, and no sanitizer may have spoken in any."""
        try:
            for host in self._hosts:
                host.deafen(False)
                host.finish()
        finally:
            for host in self._hosts:
                if host.process.poll() is None:
                    host.kill()
                (host.folder / "log").write_text(host.output)
            self.gate.close()
            self.app.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
