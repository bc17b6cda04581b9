"""What the cloud services of a bad day have in common. For days that no emulator can have; what is good is proven with the emulators."""

import json
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, replace

from .app import Answer, Application

# What is remembered of a long run.
MOST = 20_000


@dataclass(frozen=True)
class Refusal:
    """What a service says: the status, its own word, its sentence."""
    status: int
    code: str
    message: str


class Service(Application):
    """`day` says what is wrong: None, a name of `refusals`, an Answer for everything, or a function of the request that gives an
    Answer or None. What was done is in `stored`, as bytes in the order of their arrival; stop() and start() are its end and its
    return on the same port."""

    refusals = {}
    elsewhere = "http://elsewhere.invalid/"  # where a redirect leads to

    def __init__(self):
        self.day = None
        self.retry_after = None
        self.stored = deque(maxlen=MOST)
        self.count = 0  # of requests
        self.ids = deque(maxlen=MOST)  # of the requests, as the answers had them
        super().__init__()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _next(self, request):
        with self._lock:
            self._running += request.method == "POST"
            self.count += 1
        day = self.day
        answer = day(request) if callable(day) else day
        if isinstance(answer, str):
            answer = self.refuse(answer)
        return self.well(request) if answer is None else answer

    def refuse(self, kind, message=None):
        """As the service itself does. `message` replaces its sentence."""
        what = self.refusals[kind]
        found = self.refusal(what if message is None else replace(what, message=message), self.new_id())
        if self.retry_after is not None and kind in ("throttled", "unavailable"):
            found.headers["retry-after"] = str(self.retry_after)
        return found

    def new_id(self):
        self.ids.append(f"req-{uuid.uuid4().hex[:12]}")
        return self.ids[-1]

    def well(self, request):
        """Does what is asked."""
        raise NotImplementedError

    def refusal(self, what, request_id):
        raise NotImplementedError


class Messages:
    """What a queue holds. Times are those of the monotonic clock."""

    def __init__(self):
        self._news = threading.Condition()
        self._held = {}  # id: [body, receipt, visible from, how often it was taken]
        self._last = 0
        self.deleted = deque(maxlen=MOST)  # bodies

    def put(self, body):
        with self._news:
            self._last += 1
            name = f"m{self._last}"
            self._held[name] = [body, "", 0.0, 0]
            self._news.notify_all()
            return name

    def __len__(self):
        with self._news:
            return len(self._held)

    def take(self, most, visibility, wait=0.0):
        """(id, body, receipt, how often it was taken) of each that nobody has."""
        end = time.monotonic() + wait
        with self._news:
            while True:
                at = time.monotonic()
                found = [(name, held) for name, held in self._held.items() if held[2] <= at][:most]
                if found or at >= end:
                    break
                self._news.wait(min(end - at, 0.2))
            for name, held in found:
                held[1:] = [f"{name}.{uuid.uuid4().hex[:8]}", at + visibility, held[3] + 1]
            return [(name, held[0], held[1], held[3]) for name, held in found]

    def _holder(self, receipt):
        name = receipt.partition(".")[0]
        return name if name in self._held and self._held[name][1] == receipt else None

    def delete(self, receipt):
        with self._news:
            name = self._holder(receipt)
            if name is not None:
                self.deleted.append(self._held.pop(name)[0])
            return name is not None

    def change(self, receipt, seconds, renew=False):
        """The receipt that counts from here on, None if this one does not."""
        with self._news:
            name = self._holder(receipt)
            if name is None:
                return None
            held = self._held[name]
            held[2] = time.monotonic() + seconds
            if renew:
                held[1] = f"{name}.{uuid.uuid4().hex[:8]}"
            self._news.notify_all()
            return held[1]


class Login(Service):
    """A token endpoint as Google's and Microsoft's are. Its tokens count until forget(); with `only_last` each ends
    the one before of who asks."""

    only_last = False

    refusals = {
        "wrong credentials": Refusal(401, "invalid_client", "Invalid client secret provided."),
        "unavailable": Refusal(503, "temporarily_unavailable", "The service is temporarily overloaded."),
        "skewed": Refusal(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."),
    }

    def __init__(self, lifetime=3600):
        self.lifetime = lifetime
        self.given = deque(maxlen=MOST)
        self._good = {}
        super().__init__()

    def forget(self):
        """What was given out has expired."""
        self._good = {}

    def knows(self, request):
        return (request.header("authorization") or "").removeprefix("Bearer ") in self._good

    def refusal(self, what, request_id):
        body = json.dumps({"error": what.code, "error_description": what.message}).encode()
        return Answer(what.status, body, {"content-type": "application/json"})

    def well(self, request):
        token = f"planted-token-{len(self.given) + 1}"
        self.given.append(token)
        # Who asks is known by the path.
        kept = {known: path for known, path in self._good.items() if path != request.path or not self.only_last}
        self._good = {**kept, token: request.path}
        return Answer(200, json.dumps({"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}).encode())
