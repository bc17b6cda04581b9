import base64
import functools
import json
import pathlib
import tempfile

from google.api_core.exceptions import Conflict, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from conformance.case import Case, Operation
from support.servers_google import Tokens


@functools.cache
def tokens():
    """Made by the first test that needs it: a key takes a while."""
    return Tokens(pathlib.Path(tempfile.mkdtemp(prefix="tokens-")))


def bucket(server, place):
    address = f"http://{server.address('plain')}"
    return storage.Client(project="shop", credentials=AnonymousCredentials(), client_options={"api_endpoint": address}).bucket(place)


def named(server, place, key):
    return {"key": f"deep/er/{key} ä"}


def stored(server, place, key, done):
    try:
        return bucket(server, place).blob(f"deep/er/{key} ä").download_as_bytes()
    except NotFound:
        return None


def put(server, place, key, payload):
    try:
        bucket(server, place).create()
    except Conflict:
        pass
    bucket(server, place).blob(f"deep/er/{key} ä").upload_from_string(payload)


def bulk(server, place, key, done):
    return next(base64.b64decode(each["data"]) for each in json.loads(done.data) if each["name"] == f"deep/er/{key} ä")


def there(name):
    """What is there now under this name, and what is no more under the first one."""
    def found(server, place, key, done):
        return bucket(server, place).blob(name).download_as_bytes(), stored(server, place, key, done)
    return found


def fresh_bucket(server, name):
    found = name.lower().replace("_", "-")[:60].strip("-")
    bucket(server, found).create()
    return found


CASE = Case(
    plugin="gcp.bucket",
    server="fake-gcs",
    place=fresh_bucket,
    output=lambda server, place: {"bucket": place, "endpoint": f"http://{server.address('plain')}", **tokens().fields},
    operations=[
        # The text inside a JSON string is meant.
        Operation("create", metadata=named, found=stored, expected=lambda payload: b"test" if payload == b'"test"' else payload,
                  answers=("key", "generation")),
        Operation("get", metadata=named, arrange=put, found=lambda server, place, key, done: done.data or b"", answers=("generation",)),
        Operation("delete", metadata=named, arrange=put, found=stored, expected=lambda payload: None),
        Operation("list", data=lambda payload: b'{"prefix": "deep/er/"}', arrange=put,
                  found=lambda server, place, key, done: f"deep/er/{key} ä" in [each["Name"] for each in json.loads(done.data)],
                  expected=lambda payload: True),
        Operation("bulkGet", data=lambda payload: b'{"prefix": "deep/er/"}', arrange=put, found=bulk),
        Operation("copy", metadata=named, data=lambda payload: b'{"destinationKey": "copy"}', arrange=put, found=there("copy"),
                  expected=lambda payload: (payload, payload)),
        Operation("move", metadata=named, data=lambda payload: b'{"destinationKey": "moved"}', arrange=put, found=there("moved"),
                  expected=lambda payload: (payload, None)),
        Operation("rename", metadata=named, data=lambda payload: b'{"newName": "renamed"}', arrange=put, found=there("renamed"),
                  expected=lambda payload: (payload, None)),
        Operation("sign", metadata=lambda server, place, key: {**named(server, place, key), "signTTL": "15m"},
                  found=lambda server, place, key, done: "X-Goog-Signature=" in json.loads(done.data)["signURL"], expected=lambda payload: True),
    ],
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=("planted-token",),
)
