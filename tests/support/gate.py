"""A TCP gate: a loopback proxy between two parts of a test whose connections can be cut, held, delayed and sliced at run time."""

import selectors
import socket
import struct
import threading
import time
from collections import deque

_CHUNK = 1 << 16
# A side that is not read from makes the other side wait too, as a full socket does, from here on.
_MOST_WAITING = 1 << 20


class _Pipe:
    """One direction of a connection: bytes that came in at `source` and go out at `target`."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.waiting = deque()  # (due, bytes)
        self.bytes = 0
        self.is_read = True
        self.ended = False  # source sent FIN
        self.shut = False  # and target was told


class Gate:
    """Listens on `port` and connects each client to `target`, a port. The modes of flow():

    pass   what comes goes on
    hold   nothing goes on, neither bytes nor an end: a network that is gone. What was held goes on afterwards
    delay  what comes goes on `seconds` later
    slice  what comes goes on in single bytes, `seconds` between one and the next
    refuse new connections are reset; those that are open stay

    cut() ends the connections that are open. The work is done by a thread of its own."""

    def __init__(self, target=None):
        self.target = target
        self.count = 0  # of the connections that have come
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._mode, self._delay = "pass", 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._waker, wakened = socket.socketpair()
        wakened.setblocking(False)
        self._selector.register(wakened, selectors.EVENT_READ, wakened)
        self._commands = deque()
        self._peers = {}  # socket: the pipe that it is the source of
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # --- for the test; each returns when it is done ---

    def flow(self, mode="pass", seconds=0.0):
        assert mode in ("pass", "hold", "delay", "slice", "refuse"), mode
        self._tell(lambda: self._set(mode, seconds))

    def cut(self, how="rst"):
        """Ends all open connections on both sides, with RST or FIN; gives how many there were."""
        assert how in ("rst", "fin"), how
        found = []
        self._tell(lambda: found.append(self._cut(how)))
        return found[0]

    def close(self):
        self._tell(lambda: setattr(self, "_closing", True))
        self._thread.join(5)

    def _tell(self, command):
        done = threading.Event()
        self._commands.append((command, done))
        self._waker.send(b"!")
        assert done.wait(10), "the gate's thread does not answer"

    # --- its thread ---

    def _set(self, mode, seconds):
        self._mode, self._delay = mode, seconds
        if mode != "delay":  # what was delayed is due now
            for pipe in self._peers.values():
                pipe.waiting = deque((0.0, data) for _, data in pipe.waiting)

    def _cut(self, how):
        pairs = len(self._peers) // 2
        for end in list(self._peers):
            self._drop(end, how)
        return pairs

    def _drop_both(self, pipe, how):
        self._drop(pipe.target, how)
        self._drop(pipe.source, how)

    def _drop(self, end, how):
        pipe = self._peers.pop(end, None)
        if pipe is None:
            return
        if pipe.is_read:
            self._selector.unregister(end)
        if how == "rst":
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()

    def _run(self):
        while not self._closing:
            for key, _ in self._selector.select(self._pause()):
                if key.data is None:
                    self._accept()
                elif isinstance(key.data, socket.socket):
                    key.data.recv(4096)
                elif key.fileobj in self._peers:
                    self._receive(self._peers[key.fileobj])
            while self._commands:
                command, done = self._commands.popleft()
                command()
                done.set()
            if self._mode != "hold":
                self._send_what_is_due()
        self._cut("rst")
        self._listener.close()

    def _pause(self):
        if self._mode == "hold":
            return None
        due = min((pipe.waiting[0][0] for pipe in self._peers.values() if pipe.waiting), default=None)
        if due is None:
            return None
        # What is due and still here waits for room at its target: asked again soon.
        return 0 if self._mode == "slice" and not self._delay else max(due - time.monotonic(), 0.0005)

    def _accept(self):
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        self.count += 1
        far = None
        if self._mode != "refuse" and self.target is not None:
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                pass
        if far is None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
            return
        for source, target in ((near, far), (far, near)):
            source.setblocking(False)
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[source] = _Pipe(source, target)
            self._selector.register(source, selectors.EVENT_READ, "peer")

    def _receive(self, pipe):
        try:
            data = pipe.source.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._drop_both(pipe, "rst")
            return
        if data:
            pipe.bytes += len(data)
            pipe.waiting.append((time.monotonic() + self._delay if self._mode == "delay" else 0.0, data))
        else:
            pipe.ended = True
        if pipe.ended or pipe.bytes > _MOST_WAITING:
            self._selector.unregister(pipe.source)
            pipe.is_read = False

    def _send_what_is_due(self):
        now = time.monotonic()
        for pipe in list(self._peers.values()):
            if pipe.target in self._peers and (pipe.waiting or pipe.ended):
                try:
                    self._send(pipe, now)
                except BlockingIOError:
                    pass
                except OSError:
                    self._drop_both(pipe, "rst")

    def _send(self, pipe, now):
        while pipe.waiting and pipe.waiting[0][0] <= now:
            due, data = pipe.waiting[0]
            sent = pipe.target.send(data[:1] if self._mode == "slice" else data)
            pipe.bytes -= sent
            if sent == len(data):
                pipe.waiting.popleft()
            else:
                pipe.waiting[0] = (now + self._delay if self._mode == "slice" else due), data[sent:]
            if self._mode == "slice":
                return
        if not pipe.is_read and not pipe.ended and pipe.bytes <= _MOST_WAITING // 2:
            self._selector.register(pipe.source, selectors.EVENT_READ, "peer")
            pipe.is_read = True
        if pipe.ended and not pipe.waiting and not pipe.shut:
            pipe.shut = True
            pipe.target.shutdown(socket.SHUT_WR)
            if self._peers[pipe.target].shut:
                self._drop_both(pipe, "fin")
