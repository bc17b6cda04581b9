"""One plugin file in a process of its own, moved by commands and watched line by line."""

import base64
import json
import os
import subprocess
import threading
from dataclasses import dataclass

from support.host import BUILD, component
from support.wait import wait_until

OK, INVALID, UNAUTHENTICATED, DENIED, NOT_FOUND, UNSUPPORTED, CONFLICT, TOO_LARGE, THROTTLED, CANCELLED, UNAVAILABLE, TIMEOUT, \
    REMOTE, INTERNAL, AGAIN = range(15)
RETRYABLE = 1
ACK, REQUEUE, REJECT, ABANDON = range(4)
UNKNOWN, UP, DEGRADED, DOWN, STALLED = range(5)

DRIVER = BUILD / "tests" / "conformance" / "driver" / "plugin-driver"


@dataclass
class Reply:
    status: int
    text: str


@dataclass
class Completed:
    id: int
    status: int
    retryable: bool
    text: str
    data: bytes | None  # None: no response
    content_type: str
    metadata: list
    took: float

    def header(self, name):
        return next((value for key, value in self.metadata if key.lower() == name.lower()), None)


@dataclass
class Event:
    id: int
    lane: int
    data: bytes
    content_type: str
    source_id: str
    key: str
    delivery_count: int
    metadata: list


class Plugin:
    """Ends with close(), which fails the test if the plugin broke the contract, leaked, or said a secret."""

    def __init__(self, case, folder, plugins=BUILD / "plugins", environment=None):
        self.case = case
        self.folder = folder
        self._lines, self._replies, self._events, self._completed, self._health = [], [], [], {}, []
        self._news = threading.Condition()
        self._next_call = 0
        self._ended = False
        environment = {**os.environ, **(environment or {})}
        environment["ASAN_OPTIONS"] = "exitcode=99:detect_stack_use_after_return=1:detect_leaks=1"
        environment["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1:exitcode=99"
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self.manifest = json.loads(self._must("open", str(plugins / f"{case.type}.so")).text)

    def _collect(self):
        for raw in self.process.stdout:
            text = raw.decode(errors="replace").rstrip("\n")
            line = json.loads(text) if text.startswith("{") else {"kind": "output", "text": text}
            with self._news:
                self._lines.append(line)
                kind = line["kind"]
                if kind in ("reply", "resources"):
                    self._replies.append(line)
                elif kind == "event":
                    self._events.append(Event(line["id"], line["lane"], base64.b64decode(line["data"]), line["content_type"],
                                              line["source_id"], line["key"], line["delivery_count"], line["metadata"]))
                elif kind == "completed":
                    data = base64.b64decode(line["data"]) if "data" in line else None
                    self._completed[line["id"]] = Completed(line["id"], line["status"], bool(line.get("flags", 0) & RETRYABLE),
                                                            line.get("text", ""), data, line.get("content_type", ""),
                                                            line.get("metadata", []), line["took_us"] / 1e6)
                elif kind == "health":
                    self._health.append((line["state"], line["text"]))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    # --- commands ---

    def _command(self, *words, deadline=60.0):
        with self._news:
            before = len(self._replies)
        encoded = [base64.b64encode(word if isinstance(word, bytes) else str(word).encode()) or b"-" for word in words]
        try:
            self.process.stdin.write(b" ".join(encoded) + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        with self._news:
            arrived = self._news.wait_for(lambda: len(self._replies) > before or self._ended, deadline)
            assert len(self._replies) > before, f"{words[0]}: " + ("the process ended" if arrived else f"no reply in {deadline} s") + self.said()
            return self._replies[before]

    def _do(self, *words, **how):
        line = self._command(*words, **how)
        return Reply(line["status"], line["text"])

    def _must(self, *words, **how):
        reply = self._do(*words, **how)
        assert reply.status == OK, f"{words[0]} ended with {reply.status}: {reply.text}{self.said()}"
        return reply

    def use(self, fields, direction=None):
        """Checks a component against the manifest, as the host does."""
        folder = self.folder / "component"
        folder.mkdir(exist_ok=True)
        more = {} if direction is None else {"direction": direction}
        (folder / "component.yaml").write_text(component("conformance", self.case.type, {**fields, **more}))
        return self._do("use", str(folder))

    def create(self):
        return self._must("create")

    def init(self, check_only=False):
        return self._do("check" if check_only else "init")

    def start(self, limit=20.0):
        return self._do("start", int(limit * 1000))

    def ping(self, limit=5.0):
        return self._do("ping", int(limit * 1000))

    def begin(self, events=64, size=0, per_lane=0):
        return self._must("begin", events, size, per_lane)

    def window(self, events, size=0, per_lane=0):
        return self._must("window", events, size, per_lane)

    def end(self, limit=10.0):
        return self._must("end", int(limit * 1000))

    def stop(self, limit=10.0):
        return self._must("stop", int(limit * 1000))

    def free(self):
        return self._must("close")

    def run(self, fields, direction=None):
        """A started instance."""
        reply = self.use(fields, direction)
        assert reply.status == OK, reply.text
        self.create()
        reply = self.init()
        assert reply.status == OK, f"init: {reply.text}"
        reply = self.start()
        assert reply.status == OK, f"start: {reply.text}"
        return self

    def resources(self):
        return self._command("resources")

    # --- output ---

    def invoke(self, operation, data=b"", metadata=None, limit=10.0):
        """Begins a call and gives its number."""
        self._next_call += 1
        pairs = [word for pair in (metadata or {}).items() for word in pair]
        self._must("invoke", self._next_call, operation, int(limit * 1000), data, *pairs)
        return self._next_call

    def wait(self, call, deadline=30.0):
        with self._news:
            self._news.wait_for(lambda: call in self._completed or self._ended, deadline)
            assert call in self._completed, f"call {call} was not completed{self.said()}"
            return self._completed[call]

    def call(self, operation, data=b"", metadata=None, limit=10.0):
        return self.wait(self.invoke(operation, data, metadata, limit), limit + 10)

    def good(self, operation, data=b"", metadata=None, limit=10.0):
        done = self.call(operation, data, metadata, limit)
        assert done.status == OK, f"{operation} ended with {done.status}: {done.text}{self.said()}"
        return done

    def cancel(self, call):
        self._must("cancel", call)

    # --- input ---

    def events(self):
        with self._news:
            return [event for event in self._events if self.case.source is None or not self.case.source.ignores(event)]

    def wait_events(self, count, deadline=30.0):
        """The first `count` events, in the order of their delivery."""
        wait_until(lambda: len(self.events()) >= count or self._ended, lambda: f"{count} events, there were {len(self.events())}{self.said()}",
                   deadline)
        assert len(self.events()) >= count, f"the process ended{self.said()}"
        return self.events()

    def withdrawn(self):
        """The ids of the events that the plugin has withdrawn; the driver has settled them as the host does."""
        with self._news:
            return {line["id"] for line in self._lines if line["kind"] == "withdrawn"}

    def settle(self, verdict, *ids, after=0.0, flags=0):
        return self._must("settle", verdict, int(after * 1000), flags, *ids)

    def health(self):
        with self._news:
            return self._health[-1] if self._health else (UNKNOWN, "")

    def signs(self):
        """How often it has told its health, with or without news."""
        with self._news:
            return len(self._health)

    # --- what it said ---

    def said(self):
        with self._news:
            kept = [line for line in self._lines if line["kind"] not in ("event",)][-25:]
        return "\nthe last lines:\n" + "\n".join(json.dumps(line)[:600] for line in kept)

    def violations(self):
        with self._news:
            return [line["text"] for line in self._lines if line["kind"] == "violation"]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join(5)

    def close(self):
        """The end of the process, and of the test if something was wrong with it."""
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError(f"the process did not end{self.said()}") from None
        self._reader.join(5)
        assert self.violations() == [], f"the contract is broken: {self.violations()}{self.said()}"
        for line in self._lines:
            text = json.dumps(line, ensure_ascii=False)
            for secret in self.case.secrets:
                assert secret not in text, f"a secret in {text}"
        # SIGKILL is the test's own doing.
        assert self.process.returncode in (0, -9), f"it ended with {self.process.returncode}{self.said()}"
