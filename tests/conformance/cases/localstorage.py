import pathlib
import tempfile

from conformance.case import Case, Operation


def named(server, place, key):
    return {"fileName": f"deep/er/{key}"}


def stored(server, place, key, done):
    path = pathlib.Path(place, "deep/er", key)
    return path.read_bytes() if path.exists() else None


def put(server, place, key, payload):
    pathlib.Path(place, "deep/er").mkdir(parents=True, exist_ok=True)
    pathlib.Path(place, "deep/er", key).write_bytes(payload)


def put_alone(server, place, key, payload):
    pathlib.Path(place, key).mkdir(parents=True)
    pathlib.Path(place, key, "file").write_bytes(payload)


CASE = Case(
    plugin="localstorage",
    against="the file system",
    place=lambda server, name: tempfile.mkdtemp(),
    output=lambda server, place: {"rootPath": place},
    operations=[
        # The text inside a JSON string is meant.
        Operation("create", metadata=named, found=stored, expected=lambda payload: b"test" if payload == b'"test"' else payload),
        Operation("get", metadata=named, arrange=put, found=lambda server, place, key, done: done.data),
        Operation("delete", metadata=named, arrange=put, found=stored, expected=lambda payload: None),
        Operation("list", metadata=lambda server, place, key: {"fileName": key}, arrange=put_alone,
                  found=lambda server, place, key, done: done.data == b'["%s/file"]' % key.encode(), expected=lambda payload: True),
    ],
    limit=({"maxFileSize": "1Ki"}, 1024),
)
