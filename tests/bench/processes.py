"""Programs under measurement: started, waited for, read out of /proc, stopped."""
import http.client
import json
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

READY = re.compile(r"listening on (127\.0\.0\.1:\d+)|^ready$")


class BenchError(Exception):
    """A run that failed; its text is meant for people."""


class Started:
    """A process of ours, ready for work: it has said that it listens, or "ready". Its output goes to a log file."""

    def __init__(self, name: str, command: list[str], logs: Path, wait: float = 30.0):
        logs.mkdir(parents=True, exist_ok=True)
        self.name, self.log, self.address = name, logs / f"{name}.log", ""
        self._ready = threading.Event()
        self.begun = time.monotonic()
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                            text=True, errors="replace")
        except OSError as failure:
            raise BenchError(f"{name} could not be started: {failure}") from failure
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(wait) or self.process.poll() is not None:
            self.stop()
            raise BenchError(f"{name} was not ready within {wait:.0f} s, command: {' '.join(command)}\n{self.tail()}")

    def _read(self):
        with open(self.log, "w", encoding="utf-8") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                found = None if self._ready.is_set() else READY.search(line)
                if found:
                    self.address = found.group(1) or ""
                    self._ready.set()
        self._ready.set()  # it ended: whoever waits finds it dead

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def tail(self) -> str:
        return "".join(self.log.read_text(encoding="utf-8").splitlines(keepends=True)[-15:])

    def check(self):
        if self.process.poll() is not None:
            raise BenchError(f"{self.name} ended with {self.process.returncode} while it was measured\n{self.tail()}")

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, those that ended included, to the nanosecond."""
        self.check()
        # The clock that clock_getcpuclockid(3) gives for a process.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def status(self) -> dict[str, int]:
        """VmRSS, RssAnon (kB) and Threads."""
        self.check()
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        pairs = (line.split(":", 1) for line in lines)
        return {key: int(value.split()[0]) for key, value in pairs if key in ("VmRSS", "RssAnon", "Threads")}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def get(port: int, path: str) -> tuple[int, bytes]:
    return ask(port, "GET", path)


def post(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    return ask(port, "POST", path, body)


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def run_tool(command: list[str], wait: float = 600.0) -> dict:
    """Runs a program to its end and returns the JSON line it prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=wait, check=False)
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise BenchError(f"{command[0]}: {failure}") from failure
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} failed with {done.returncode}\n{done.stderr or done.stdout}")
    return json.loads(done.stdout) if done.stdout.strip() else {}


@dataclass
class Sample:
    """One measured run: rate per second, latency, and the CPU of the process in the middle for each operation."""
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float

    @staticmethod
    def middle(samples: list["Sample"]) -> "Sample":
        """The sample whose CPU is the median (the lower of two), whole, so that its figures belong together."""
        return sorted(samples, key=lambda sample: sample.cpu_us)[(len(samples) - 1) // 2]
