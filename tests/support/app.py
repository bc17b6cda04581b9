"""A programmable application: per path it answers what a test told it, and remembers what it was asked."""

import select
import socket
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .wait import wait_until


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    gate: threading.Event | None = None  # held back until it is set
    cut: str = ""  # "before": closed without an answer; "inside": closed in its head; "body": in its body
    slow: float = 0.0  # seconds before each byte of the body, which goes on until the other side has gone


@dataclass
class Request:
    method: str
    path: str
    headers: list  # pairs, as sent
    body: bytes
    at: float

    def header(self, name):
        """The values of a header, joined; None if it is not there."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None


def hold_port():
    """A loopback port that nobody listens on until we do: bound, so that nothing else gets it meanwhile."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


class Application:
    """Listens at once unless `listening=False`; OPTIONS is answered 200 on every path unless told otherwise."""

    def __init__(self, listening=True):
        self._holder = hold_port()
        self.port = self._holder.getsockname()[1]
        self._lock = threading.Lock()
        self._queues = defaultdict(deque)
        self._always = {}
        self._requests = []
        self._connections = set()
        self._running = 0
        self.most_running = 0
        self._server = None
        if listening:
            self.start()

    def start(self):
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with app._lock:
                    app._connections.add(self.connection)

            def finish(self):
                with app._lock:
                    app._connections.discard(self.connection)
                try:
                    super().finish()
                except OSError:
                    pass

            def _handle(self):
                app._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _handle

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """From here on connections are refused, and those that are open are cut."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def is_listening(self):
        return self._server is not None

    def close(self):
        self.stop()
        self._holder.close()

    def answer(self, path, *answers, method="POST", of=None):
        """The next answers on a path, one request each; an int is a status. With `of`, a body, only requests with this body
        take them: events are on their way side by side, and which of two comes first is open."""
        with self._lock:
            self._queues[method, path, of].extend(_as_answer(each) for each in answers)

    def always(self, path, answer, method="POST"):
        """What a path answers when its queue is empty: an Answer, a status, or a function of the request that gives one."""
        with self._lock:
            self._always[method, path] = answer

    def _next(self, request):
        with self._lock:
            self._requests.append(request)
            self._running += request.method == "POST"
            self.most_running = max(self.most_running, self._running)
            key = request.method, request.path
            for queue in (self._queues.get((*key, request.body)), self._queues.get((*key, None))):
                if queue:
                    return queue.popleft()
            found = self._always.get(key, 200)
        return _as_answer(found(request) if callable(found) else found)

    def _serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        request = Request(handler.command, handler.path, list(handler.headers.items()), body, time.monotonic())
        answer = self._next(request)
        try:
            if answer.gate is not None:
                answer.gate.wait()
        finally:
            with self._lock:
                self._running -= request.method == "POST"
        if answer.cut in ("before", "inside"):
            if answer.cut == "inside":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-le")
                handler.wfile.flush()
            return _hang_up(handler)
        body = answer.body
        if answer.cut == "body" or answer.slow:
            body = body.ljust(64)  # there is something to leave out
        handler.send_response_only(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.status != 204:
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if answer.cut == "body":
            handler.wfile.write(body[: len(body) // 2])
            _hang_up(handler)
        elif answer.slow:
            _drip(handler, body, answer.slow)
        elif answer.status != 204:
            handler.wfile.write(body)

    def forget(self):
        """What it was asked up to now."""
        with self._lock:
            self._requests.clear()

    def requests(self, path=None, method="POST"):
        with self._lock:
            return [each for each in self._requests if each.method == method and path in (None, each.path)]

    def wait_for(self, count, path=None, method="POST", deadline=30.0):
        """Waits until a path was asked `count` times and gives these requests."""
        return wait_until(lambda: (lambda found: found if len(found) >= count else None)(self.requests(path, method)),
                          lambda: f"{count} {method} on {path}, there were {len(self.requests(path, method))}", deadline)


def _hang_up(handler):
    handler.close_connection = True
    try:
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _drip(handler, body, seconds):
    handler.close_connection = True
    for at in range(len(body)):
        # The other side says nothing more: what can be read is its end.
        if select.select([handler.connection], [], [], seconds)[0]:
            return
        handler.wfile.write(body[at:at + 1])


def _as_answer(given):
    return Answer(given) if isinstance(given, int) else given
