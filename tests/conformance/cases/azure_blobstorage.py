import base64
import json

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from conformance.case import Case, Operation

KEY = "c2VjcmV0LWtleS1mb3ItdGVzdHM="


def blob(server, place, key):
    service = BlobServiceClient(f"http://{server.address('blob')}/acct", credential={"account_name": "acct", "account_key": KEY})
    return service.get_blob_client(place, f"deep/er/{key} ä")


def container(server, name):
    """A name that Azure takes."""
    return name.lower().replace("_", "-")[:63].strip("-")


def named(server, place, key):
    return {"blobName": f"deep/er/{key} ä"}


def stored(server, place, key, done):
    try:
        return blob(server, place, key).download_blob().readall()
    except ResourceNotFoundError:
        return None


def put(server, place, key, payload):
    try:
        blob(server, place, key).upload_blob(payload)
    except ResourceNotFoundError:
        blob(server, place, key)._get_container_client().create_container()
        blob(server, place, key).upload_blob(payload)


def bulk(server, place):
    service = BlobServiceClient(f"http://{server.address('blob')}/acct", credential={"account_name": "acct", "account_key": KEY})
    return service.get_blob_client(place, "bulk")


def put_bulk(server, place, key, payload):
    try:
        bulk(server, place).upload_blob(payload, overwrite=True)
    except ResourceNotFoundError:
        bulk(server, place)._get_container_client().create_container()
        bulk(server, place).upload_blob(payload)


CASE = Case(
    plugin="azure.blobstorage",
    server="azurite",
    place=container,
    output=lambda server, place: {"accountName": "acct", "accountKey": KEY, "endpoint": f"http://{server.address('blob')}", "containerName": place},
    operations=[
        # The text inside a JSON string is meant.
        Operation("create", metadata=named, found=stored, expected=lambda payload: b"test" if payload == b'"test"' else payload,
                  answers=("blobName", "ETag")),
        Operation("get", metadata=named, arrange=put, found=lambda server, place, key, done: done.data or b"", answers=("ETag",)),
        Operation("delete", metadata=named, arrange=put, found=stored, expected=lambda payload: None),
        Operation("list", data=lambda payload: b'{"prefix": "deep/er/"}', arrange=put,
                  found=lambda server, place, key, done: f"deep/er/{key} ä" in [each["Name"] for each in json.loads(done.data)],
                  expected=lambda payload: True, answers=("number", "marker", "pagesTraversed")),
        Operation("bulkGet", data=lambda payload: b'{"items": [{"blobName": "bulk"}]}', arrange=put_bulk,
                  found=lambda server, place, key, done: base64.b64decode(json.loads(done.data)[0]["data"]), answers=("number",)),
        Operation("bulkCreate", data=lambda payload: b'{"items": [{"blobName": "bulk", "data": "text"}]}',
                  found=lambda server, place, key, done: bulk(server, place).download_blob().readall(), expected=lambda payload: b"text", answers=("number",)),
        Operation("bulkDelete", data=lambda payload: b'{"blobNames": ["bulk"]}', arrange=put_bulk,
                  found=lambda server, place, key, done: bulk(server, place).exists(), expected=lambda payload: False, answers=("number",)),
        Operation("presign", metadata=lambda server, place, key: {**named(server, place, key), "signTTL": "15m"},
                  found=lambda server, place, key, done: "sig=" in json.loads(done.data)["presignURL"], expected=lambda payload: True),
    ],
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=(KEY,),
)
