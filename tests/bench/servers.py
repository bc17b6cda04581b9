"""Real servers for a run, started and stopped by scripts/brokers, with their data below the build folder."""
import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import Settings
from processes import BenchError

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "brokers"


@dataclass
class Server:
    name: str
    ports: dict[str, int]
    data: Path

    def address(self, port: str) -> str:
        return f"127.0.0.1:{self.ports[port]}"


@contextmanager
def running(settings: Settings, name: str, **environment: str):
    """The server of that name in scripts/lib/brokers, on ports of its own; stopped at the end."""
    data = settings.build / "servers" / name
    words = [name, "--data", str(data)]
    started = subprocess.run([SCRIPT, "start", *words], stdout=subprocess.PIPE, text=True, check=False,
                             env={**os.environ, **environment})
    if started.returncode != 0:
        raise BenchError(f"scripts/brokers start {name} failed")
    try:
        yield Server(name, json.loads(started.stdout.splitlines()[-1])["ports"], data)
    finally:
        subprocess.run([SCRIPT, "stop", *words], stdout=subprocess.DEVNULL, check=False)
