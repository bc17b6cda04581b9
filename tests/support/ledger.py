"""The application with a ledger: starts, kills and steers it, and reads what it wrote."""

import json
import os
import pathlib
import signal
import subprocess
import sys
from collections import Counter

from .app import hold_port
from .judge import Ledger
from .wait import wait_until


class LedgerApplication:
    """Writes into `folder`/ledger. `control` is what ledger_app.py reads from its control file."""

    def __init__(self, folder, seed, **control):
        self._holder = hold_port()
        self.port = self._holder.getsockname()[1]
        self.path = pathlib.Path(folder) / "ledger"
        self.path.touch()
        self._marks = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._control_path = pathlib.Path(folder) / "control"
        self._control, self._usual = {}, control
        self._arguments = [str(self.path), str(seed), str(self._control_path)]
        self._process = None
        self._read = 0  # bytes of the ledger that were looked at
        self.seen = Counter()  # number: how often it was taken, of what was looked at
        self.refused = Counter()  # number: how often it was not
        self.control(**control)
        self.start()

    # --- the process ---

    def start(self):
        script = pathlib.Path(__file__).with_name("ledger_app.py")
        self._process = subprocess.Popen([sys.executable, str(script), str(self.port), *self._arguments])

    def kill(self):
        self._process.kill()
        self._process.wait()

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()
        os.close(self._marks)
        self._holder.close()

    def control(self, **changes):
        """Changes how it behaves from its next request on; None takes an entry away."""
        self._control = {name: value for name, value in (self._control | changes).items() if value is not None}
        fresh = self._control_path.with_suffix(".new")
        fresh.write_text(json.dumps(self._control))
        fresh.replace(self._control_path)

    def behave(self):
        """As it was told at the beginning."""
        self.control(**(dict.fromkeys(self._control) | self._usual))

    # --- the ledger ---

    def mark(self, **what):
        """Writes a line of the test's own between those of the application."""
        os.write(self._marks, b"! " + json.dumps(what).encode() + b"\n")

    def look(self):
        """Reads on in the ledger; returns how many different events were taken."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if not line.startswith(b"!"):
                number, _, answer = line.split()
                (self.seen if answer in (b"200", b"cut") else self.refused)[int(number)] += 1
        return len(self.seen)

    def wait_for(self, events, deadline, what=""):
        wait_until(lambda: self.look() >= events, lambda: f"{events} events in the ledger {what}, there are {len(self.seen)}", deadline)

    def judge(self, events, elsewhere=(), lane_limit=1):
        """The verdict of the ledger; see Ledger.judge()."""
        return Ledger.read(self.path).judge(events, elsewhere, lane_limit)
