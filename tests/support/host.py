"""The real host as a process: components in, log and port out."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
from dataclasses import dataclass

from .wait import wait_until

BUILD = pathlib.Path(os.environ.get("CLEAT_BUILD") or pathlib.Path(__file__).resolve().parents[2] / "build")
_LISTENING = re.compile(r"HTTP API is listening on \S*?:(\d+)")
_SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")


@dataclass
class Reply:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def component(name, type_, fields=(), **extra):
    """The text of a component file in today's form; `fields` is a mapping or pairs."""
    pairs = fields.items() if isinstance(fields, dict) else fields
    lines = ["apiVersion: dapr.io/v1alpha1", "kind: Component", f"metadata: {{ name: {name} }}", "spec:", f"  type: {type_}"]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in extra.items()]
    lines += ["  metadata:"] + [f"  - {{ name: {json.dumps(key)}, value: {json.dumps(str(value))} }}" for key, value in pairs]
    return "\n".join(lines) + "\n"


class Host:
    """Started by the constructor. `components` are texts of files; `app` an Application, a port or None. With `log`, a path,
    what it says goes there and not to the test, which then does not know its port."""

    def __init__(self, folder, *components, app=None, options=(), env=None, plugin_dir=None, files=None, program=None, log=None):
        self.folder = pathlib.Path(folder)
        resources = self.folder / "resources"
        resources.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(components):
            (resources / f"{number:02}.yaml").write_text(text)
        for name, text in (files or {}).items():
            (resources / name).write_text(text)
        self.command = [str(program or BUILD / "cleat"), "--app-id", "test", "--dapr-http-port", "0", "--log-as-json",
                        "--log-level", "debug", "--resources-path", str(resources)]
        if app is not None:
            self.command += ["--app-port", str(app if isinstance(app, int) else app.port)]
        if plugin_dir is not None:
            self.command += ["--plugin-dir", str(plugin_dir)]
        self.command += list(options)
        self._lines = []
        self._read = threading.Condition()
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("DAPR_API_TOKEN", "APP_API_TOKEN", "NAMESPACE")}
        environment["ASAN_OPTIONS"] = "exitcode=99:detect_stack_use_after_return=1"
        environment["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1:exitcode=99"
        environment.update(env or {})
        if "LD_PRELOAD" in environment:
            environment["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        self._hears = threading.Event()
        self._hears.set()
        with open(log, "wb") if log else contextlib.nullcontext(subprocess.PIPE) as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, env=environment, text=True, errors="replace")
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self._port = None

    def _collect(self):
        for line in self.process.stdout or ():
            self._hears.wait()
            with self._read:
                self._lines.append(line.rstrip("\n"))
                self._read.notify_all()

    def deafen(self, deaf=True):
        """Its output is a pipe that is full and that nobody reads from here on; `False`: it is read again."""
        if not deaf:
            self._hears.set()
        elif self.process.stdout is not None:
            self._hears.clear()
            # An opening of its own: not to block must not become a property of what the host writes to.
            filler = os.open(f"/proc/self/fd/{self.process.stdout.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(filler, b"-" * 1023 + b"\n")
            os.close(filler)

    # --- what it said ---

    @property
    def output(self):
        with self._read:
            return "\n".join(self._lines)

    def log(self):
        """The log as a list of objects; lines that are not JSON are left out."""
        found = []
        for line in self.output.splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def messages(self, level=None):
        return [entry.get("msg", "") for entry in self.log() if level is None or entry.get("level") == level]

    def wait_for_message(self, *parts, level=None, deadline=30.0):
        """Waits for one log line that holds all of `parts`, and gives its message."""
        def found():
            self._fail_if_ended()
            return next((text for text in self.messages(level) if all(part in text for part in parts)), None)
        return wait_until(found, lambda: f"a log line with {parts}; the host said:\n{self.output}", deadline)

    # --- asking it ---

    def _fail_if_ended(self):
        if self.process.poll() is not None:
            self._reader.join(5)
            raise AssertionError(f"the host ended with {self.process.returncode}:\n{self.output}")

    @property
    def port(self):
        if self._port is None:
            def found():
                match = _LISTENING.search(self.output)
                if match is None:
                    self._fail_if_ended()
                return match
            self._port = int(wait_until(found, lambda: f"the port of the API; the host said:\n{self.output}").group(1))
        return self._port

    def request(self, method, path, body=None, headers=None, timeout=30.0):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def invoke(self, name, body, method="POST", headers=None):
        """Invokes an output; a body that is not text is sent as its JSON."""
        return self.request(method, f"/v1.0/bindings/{name}", body if isinstance(body, (str, bytes)) else json.dumps(body), headers)

    def create(self, name, data, **metadata):
        return self.invoke(name, {"operation": "create", "data": data, "metadata": metadata})

    def _status(self, path):
        try:
            return self.request("GET", path).status
        except OSError:
            self._fail_if_ended()
            return None

    def ready(self, deadline=30.0):
        wait_until(lambda: self._status("/v1.0/healthz") == 204, lambda: f"healthz 204; the host said:\n{self.output}", deadline)
        return self

    def outbound_ready(self, deadline=30.0):
        wait_until(lambda: self._status("/v1.0/healthz/outbound") == 204,
                   lambda: f"healthz/outbound 204; the host said:\n{self.output}", deadline)
        return self

    def metadata(self):
        return self.request("GET", "/v1.0/metadata").json()

    def state(self, name):
        """What the host itself says of a component, {} if it does not know it."""
        listed = self.metadata().get("cleat", {}).get("components", [])
        return next((entry for entry in listed if entry.get("name") == name), {})

    def wait_for_state(self, name, condition, what, deadline=30.0):
        """Waits until `condition(state)` holds for a component and gives that state."""
        def asked():
            state = self.state(name)
            return state if condition(state) else None
        return wait_until(asked, lambda: f"{name}: {what}; it is {self.state(name)}; the host said:\n{self.output[-6000:]}", deadline)

    # --- ending it ---

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.deafen(False)
        self.process.kill()
        self.process.wait()
        self._reader.join(5)

    def wait_exit(self, deadline=60.0):
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the host still runs after {deadline:g} s; it said:\n{self.output[-6000:]}") from None
        self._reader.join(5)
        return code

    def stop(self, deadline=60.0):
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(deadline)

    def finish(self):
        """The end of a test: a host that still runs must stop well, and no sanitizer may have spoken."""
        code = self.stop() if self.process.poll() is None else None
        self._reader.join(5)
        complaint = next((word for word in _SANITIZERS if word in self.output), None)
        assert complaint is None, f"{complaint} in the host's output:\n{self.output}"
        assert code in (None, 0), f"the host stopped with {code}:\n{self.output[-6000:]}"
