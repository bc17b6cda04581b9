"""Rows with an emulator of Google Cloud Storage."""
import json
import os
import urllib.error
import urllib.request
from contextlib import contextmanager

from bench import Call, Settings
from report import CostRow, Goal, ValueRow
from rows import Output, calls, floor, memory
from servers import Server, running

BUCKET, KEY = "bench", "object"
EMULATOR = "STORAGE_EMULATOR_HOST"


@contextmanager
def place(settings: Settings):
    with running(settings, "fake-gcs") as server:
        url = f"http://{server.address('plain')}/storage/v1/b?project=bench"
        made = urllib.request.Request(url, json.dumps({"name": BUCKET}).encode(), {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(made).close()
        except urllib.error.HTTPError as error:
            if error.code != 409:  # it is there from the last run
                raise
        # The host inherits it: without credentials there is no other way to an emulator.
        os.environ[EMULATOR] = server.address("plain")
        try:
            yield server
        finally:
            del os.environ[EMULATOR]


def caller(settings: Settings, server: Server) -> Output:
    path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={KEY}"
    return Output("gcp.bucket", {"bucket": BUCKET, "projectID": "bench"},
                  lambda: floor(settings, "http_post", port=server.ports["plain"], path=path), Call("create", {"key": KEY}))


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    return calls(settings, caller(settings, server), f"gcp-bucket-create-{connections}",
                 "POST of 1 KB to an object that the emulator has", connections, Goal(times=1.5))


def idle(settings: Settings, server: Server) -> ValueRow:
    out = caller(settings, server)
    return memory(settings, "gcp.bucket", out.fields, out.floor)


ROWS = {
    "gcp-bucket-create-1": lambda settings, server: create(settings, server, 1),
    "gcp-bucket-create-32": lambda settings, server: create(settings, server, 32),
    "memory-gcp": idle,
}
