"""A real server through scripts/brokers."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess

from .wait import wait_until

_BROKERS = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "brokers"


def free_port():
    """A loopback port for a server that binds it itself, and again when it was down: none of those that outgoing connections are given,
    as scripts/brokers does it."""
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as holder:
            try:
                holder.bind(("127.0.0.1", random.randrange(10_000, end) if end > 12_000 else 0))
            except OSError:
                continue
            return holder.getsockname()[1]


class Server:
    """One server in `folder`. After kill() or stop() it is started again on the same ports with what it holds."""

    def __init__(self, name, folder, start=True):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.state = None
        if start:
            self.start()

    def _verb(self, verb):
        return subprocess.run([_BROKERS, verb, self.name, "--data", self.folder], capture_output=True, text=True, check=False)

    def start(self):
        done = self._verb("start")
        assert done.returncode == 0, f"{self.name} did not start: {done.stdout}{done.stderr}"
        self.state = json.loads(done.stdout.splitlines()[-1])

    def stop(self):
        done = self._verb("stop")
        assert done.returncode == 0, f"{self.name} did not stop: {done.stdout}{done.stderr}"

    def signal(self, number):
        os.kill(self.state["pid"], number)

    def pause(self):
        """It is there and says nothing, until resume()."""
        self.signal(signal.SIGSTOP)
        # Each of its threads ends what it is at.
        wait_until(lambda: self._thread_states() == {"T"}, lambda: f"{self.name} stands still; {self._thread_states()}")

    def _thread_states(self):
        threads = pathlib.Path(f"/proc/{self.state['pid']}/task").glob("*/stat")
        return {each.read_text().rpartition(")")[2].split()[0] for each in threads}

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        wait_until(lambda: self._verb("status").returncode != 0, f"the killed {self.name} is gone")

    def port(self, name):
        return self.state["ports"][name]

    def address(self, name):
        return f"127.0.0.1:{self.port(name)}"

    def tls(self, name):
        """The text of a file of the certificates: ca.pem, client.crt, client.key."""
        return (pathlib.Path(self.state["tls"]) / name).read_text()
