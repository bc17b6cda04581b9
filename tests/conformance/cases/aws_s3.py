import contextlib
import json

from botocore.exceptions import BotoCoreError, ClientError

from conformance.case import Case, Operation
from support.servers_aws import Moto


def peer(server):
    found = Moto(server.folder, start=False)
    found.state = server.state
    return found


def bucket(server, name):
    """A name that S3 takes; made again if the server has forgotten it."""
    return peer(server).bucket(name.lower().replace("_", "-")[:63].strip("-"), read_timeout=2).name


def thing(server, place, key):
    return peer(server).bucket(place).Object(f"deep/er/{key} ä+")


def named(server, place, key):
    with contextlib.suppress(BotoCoreError):  # the server is down: that is what some tests are about
        bucket(server, place)
    return {"key": f"deep/er/{key} ä+"}


def stored(server, place, key, done):
    try:
        return thing(server, place, key).get()["Body"].read()
    except ClientError:
        return None


def put(server, place, key, payload):
    thing(server, place, key).put(Body=payload)


def as_text(payload):
    return payload.decode(errors="replace")


def listed(server, place, key, done):
    return f"deep/er/{key} ä+" in [each["Key"] for each in json.loads(done.data)["Contents"]]


CASE = Case(
    plugin="aws.s3",
    server="moto",
    place=bucket,
    output=lambda server, place: {**peer(server).fields(), "bucket": place},
    operations=[
        # The text inside a JSON string is meant.
        Operation("create", metadata=named, found=stored, expected=lambda payload: b"test" if payload == b'"test"' else payload,
                  answers=("key", "ETag")),
        Operation("get", metadata=named, arrange=put, found=lambda server, place, key, done: done.data or b"", answers=("ETag",)),
        Operation("delete", metadata=named, arrange=put, found=stored, expected=lambda payload: None),
        Operation("list", data=lambda payload: b'{"prefix": "deep/er/"}', arrange=put, found=listed, expected=lambda payload: True),
        Operation("presign", metadata=lambda server, place, key: {**named(server, place, key), "presignTTL": "15m"},
                  found=lambda server, place, key, done: "X-Amz-Signature=" in json.loads(done.data)["presignURL"],
                  expected=lambda payload: True),
        Operation("bulkCreate", data=lambda payload: json.dumps({"items": [{"key": "bulk", "data": as_text(payload)}]}).encode(),
                  found=lambda server, place, key, done: "error" in json.loads(done.data)[0], expected=lambda payload: False),
        Operation("bulkGet", data=lambda payload: b'{"items": [{"key": "none"}]}',
                  found=lambda server, place, key, done: "object not found" in json.loads(done.data)[0]["error"],
                  expected=lambda payload: True),
        Operation("bulkDelete", data=lambda payload: b'{"keys": ["none"]}',
                  found=lambda server, place, key, done: json.loads(done.data), expected=lambda payload: [{"key": "none"}]),
    ],
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=("planted-secret",),
)
