"""Rows with Azure Storage: Azurite."""
import base64
import hashlib
import hmac
import itertools
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate

from bench import Call, Settings
from report import CostRow, Goal, ValueRow
from rows import DEFAULT_IN_FLIGHT, Output, Source, calls, events, fill, floor, memory
from servers import Server, running

ACCOUNT, KEY = "acct", "c2VjcmV0LWtleS1mb3ItdGVzdHM="
CONTAINER, BLOB = "bench", "object"
LEAST = 1000  # messages in a queue that is read: the emulator may take few in the time that others fill theirs in
numbers = itertools.count(1)


def make(server: Server, service: str, name: str, kind: str = "") -> None:
    """A queue, or a container if `kind` says so; it may be there."""
    date = formatdate(usegmt=True)
    text = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:2021-12-02\n/{ACCOUNT}/{ACCOUNT}/{name}{kind and chr(10) + 'restype:' + kind}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
    asked = urllib.request.Request(
        f"http://{server.address(service)}/{ACCOUNT}/{name}{kind and '?restype=' + kind}", method="PUT",
        headers={"x-ms-date": date, "x-ms-version": "2021-12-02", "Authorization": f"SharedKey {ACCOUNT}:{signature}"})
    try:
        urllib.request.urlopen(asked, timeout=10).close()
    except urllib.error.HTTPError as error:
        if error.code != 409:  # it is there from the last run
            raise


@contextmanager
def place(settings: Settings):
    with running(settings, "azurite", AZURITE_STORAGE="memory") as server:
        make(server, "blob", CONTAINER, "container")
        yield server


def fields(server: Server, service: str, **more: str) -> dict[str, str]:
    return {"accountName": ACCOUNT, "accountKey": KEY, "endpoint": f"http://{server.address(service)}", **more}


def azure_floor(settings: Settings, program: str, server: Server, service: str, **options):
    return floor(settings, program, server=server.ports[service], account=ACCOUNT, key=KEY, **options)


def blob(settings: Settings, server: Server) -> Output:
    return Output("azure.blobstorage", fields(server, "blob", containerName=CONTAINER),
                  lambda: azure_floor(settings, "blob_put", server, "blob", path=f"/{CONTAINER}/{BLOB}"), Call(metadata={"blobName": BLOB}))


def create_blob(settings: Settings, server: Server, connections: int) -> CostRow:
    return calls(settings, blob(settings, server), f"azure-blob-create-{connections}", "POST of 1 KB to a blob that the emulator has",
                 connections, Goal(times=1.5))


def queue(server: Server) -> str:
    """The name of a new one."""
    name = f"bench-{time.time_ns()}-{next(numbers)}"
    make(server, "queue", name)
    return name


def message_floor(settings: Settings, server: Server, name: str):
    return azure_floor(settings, "storagequeue_create", server, "queue", queue=name)


def message(settings: Settings, server: Server) -> Output:
    name = queue(server)
    return Output("azure.storagequeues", fields(server, "queue", queueName=name), lambda: message_floor(settings, server, name))


def create_message(settings: Settings, server: Server, connections: int) -> CostRow:
    return calls(settings, message(settings, server), f"azure-queue-create-{connections}", "POST of 1 KB to a message that the emulator has",
                 connections, Goal(times=1.5))


def messages_in(settings: Settings, server: Server) -> CostRow:
    # Messages come by 32, with a second between them where the machine is busy.
    # And not many more than a run takes are put in: the more the emulator has, the slower it is.
    settings = replace(settings, seconds=max(settings.seconds, 5.0))

    def filled() -> tuple[int, dict]:
        name, count = queue(server), 0
        while count < LEAST:
            count += fill(settings, lambda: message_floor(settings, server, name), 0.5)
        return count, {"queue": name}
    source = Source(
        "azure.storagequeues", fields=lambda at: fields(server, "queue", queueName=at["queue"]), fill=filled,
        floor=lambda at, port: azure_floor(settings, "storagequeue_in", server, "queue", queue=at["queue"], port=port,
                                           connections=DEFAULT_IN_FLIGHT))
    return events(settings, source, "azure-queue-in", "message of 1 KB of a storage queue to a POST to its deletion", Goal(times=1.5))


def idle(settings: Settings, kind: str, output: Output) -> ValueRow:
    return memory(settings, kind, output.fields, output.floor)


ROWS = {
    "azure-blob-create-1": lambda settings, server: create_blob(settings, server, 1),
    "azure-blob-create-32": lambda settings, server: create_blob(settings, server, 32),
    "azure-queue-create-1": lambda settings, server: create_message(settings, server, 1),
    "azure-queue-create-32": lambda settings, server: create_message(settings, server, 32),
    "azure-queue-in": messages_in,
    "memory-azure-blob": lambda settings, server: idle(settings, "azure.blobstorage", blob(settings, server)),
    "memory-azure-queue": lambda settings, server: idle(settings, "azure.storagequeues", message(settings, server)),
}
