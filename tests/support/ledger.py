"""Starts and kills the application with a ledger, and judges the ledger at the end."""

import pathlib
import subprocess
import sys
from collections import defaultdict

from .app import hold_port
from .wait import wait_until


class LedgerApplication:
    def __init__(self, folder, seed, failures=0.0):
        self._holder = hold_port()
        self.port = self._holder.getsockname()[1]
        self.path = pathlib.Path(folder) / "ledger"
        self.path.touch()
        self._arguments = [str(self.path), str(seed), str(failures)]
        self._process = None
        self._read = 0  # bytes of the ledger that were looked at
        self.seen = {}  # number: lane, of what was looked at
        self.order = defaultdict(list)  # lane: its numbers as they came
        self.lines = 0
        self.start()

    def start(self):
        script = pathlib.Path(__file__).with_name("ledger_app.py")
        self._process = subprocess.Popen([sys.executable, str(script), str(self.port), *self._arguments])

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        self.kill()
        self._holder.close()

    def look(self):
        """Reads on in the ledger; returns how many different events it holds."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            number, lane = map(int, line.split())
            self.seen[number] = lane
            self.order[lane].append(number)
            self.lines += 1
        return len(self.seen)

    def wait_for(self, events, deadline, what=""):
        wait_until(lambda: self.look() >= events, lambda: f"{events} events in the ledger {what}, there are {len(self.seen)}", deadline)

    def check(self, events):
        """`events` numbers from 1 on: none is missing, and in each lane none came before an earlier one had come."""
        self.look()
        missing = sorted(set(range(1, events + 1)) - set(self.seen))
        assert not missing, f"{len(missing)} of {events} events are missing: {missing[:10]}"
        assert len(self.seen) == events, "there are events that were never sent"
        for lane, numbers in self.order.items():
            most = 0
            known = set()
            for number in numbers:
                assert number > most or number in known, f"lane {lane}: {number} came for the first time after {most}"
                known.add(number)
                most = max(most, number)
