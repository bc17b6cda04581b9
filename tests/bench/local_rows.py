"""Rows of plugins that need no server but what this bench has itself: an HTTP server that echoes, a file."""
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import Call, Settings
from report import CostRow, Goal, ValueRow
from rows import Output, added, application, calls, floor, memory

FILE = "1k.json"


@dataclass
class Place:
    echo: int       # port of a server that answers with what it was sent
    folder: Path    # with a file of 1 KB


@contextmanager
def place(settings: Settings):
    with tempfile.TemporaryDirectory() as folder, application(settings, "--echo", "1") as echo:
        (Path(folder) / FILE).write_bytes(b"x" * 1024)
        yield Place(echo.port, Path(folder))


def caller(settings: Settings, here: Place) -> Output:
    return Output("http", {"url": f"http://127.0.0.1:{here.echo}"}, lambda: floor(settings, "http_post", port=here.echo))


def post(settings: Settings, here: Place, connections: int) -> CostRow:
    return calls(settings, caller(settings, here), f"http-post-{connections}", "POST of 1 KB to a POST elsewhere that answers 1 KB",
                 connections, Goal(times=1.5))


def get_file(settings: Settings, here: Place, connections: int) -> CostRow:
    output = Output("localstorage", {"rootPath": str(here.folder)}, lambda: floor(settings, "localstorage_get", file=here.folder / FILE),
                    Call("get", {"fileName": FILE}, size=0))
    return calls(settings, output, f"localstorage-get-{connections}", "POST to a file of 1 KB", connections, Goal(times=1.5))


def idle(settings: Settings, here: Place) -> list[ValueRow]:
    out = caller(settings, here)
    return [memory(settings, "http", out.fields, out.floor),
            memory(settings, "localstorage", {"rootPath": str(here.folder)}),
            memory(settings, "cron", {"schedule": "@every 1h"})]


ROWS = {
    "http-post-1": lambda settings, here: post(settings, here, 1),
    "http-post-32": lambda settings, here: post(settings, here, 32),
    "localstorage-get-1": lambda settings, here: get_file(settings, here, 1),
    "localstorage-get-32": lambda settings, here: get_file(settings, here, 32),
    "added-http": lambda settings, here: added(settings, caller(settings, here), "added-http", "a call elsewhere", Goal(at_most=0.5)),
    "memory-local": idle,
}
