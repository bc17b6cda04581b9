"""Calls become blobs of Azure Storage, and blobs answers, judged by Azure's own client."""

import base64
import hashlib
import json
import urllib.error
import urllib.request

import pytest
from azure.storage.blob import ContentSettings

from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_azure import ACCOUNT, KEY, Azurite

server = serving(Azurite)


@pytest.fixture
def box(server):
    return server.make_container()


def part(server, box, name="out", **fields):
    given = {"containerName": box.container_name, **server.key_fields("blob"), **fields}
    return component(name, "bindings.azure.blobstorage", {key: value for key, value in given.items() if value is not None})


def call(host, operation, data=None, name="out", **metadata):
    body = {"operation": operation, "metadata": metadata}
    if data is not None:
        body["data"] = data
    return host.invoke(name, body)


def test_create_stores_properties_and_metadata(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    digest = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    done = call(host, "create", "hello", blobName="a b/ä.txt", contentType="text/plain", cacheControl="no-cache", contentMD5=digest,
                contentLanguage="de", contentDisposition="inline", contentEncoding="identity", **{"my-key": "my välue"})
    assert done.status == 200, done.text
    assert done.json() == {"blobURL": f"{server.endpoint('blob')}/{ACCOUNT}/{box.container_name}/a%20b/%C3%A4.txt", "blobName": "a b/ä.txt"}
    blob = box.get_blob_client("a b/ä.txt")
    found = blob.get_blob_properties()
    assert blob.download_blob().readall() == b"hello"
    settings = found.content_settings
    assert (settings.content_type, settings.cache_control, settings.content_language, settings.content_disposition, settings.content_encoding) == \
        ("text/plain", "no-cache", "de", "inline", "identity")
    assert bytes(settings.content_md5) == hashlib.md5(b"hello").digest()
    assert found.metadata == {"mykey": "my vlue"}
    assert done.headers["metadata.etag"].strip('"') == found.etag.strip('"')


def test_blobs_come_from_files_and_go_to_files(start_host, server, box, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    large = bytes(range(256)) * 1000
    (folder / "large").write_bytes(large)
    (folder / "empty").write_bytes(b"")
    host = start_host(part(server, box, fileFolder=str(folder), blockSize="64Ki")).outbound_ready()
    made = call(host, "bulkCreate", {"items": [{"blobName": "d/large", "sourcePath": "large", "contentType": "text/plain"},
                                               {"blobName": "d/empty", "sourcePath": str(folder / "empty")}, {"blobName": "d/out", "sourcePath": "../out"}]})
    assert [set(each) for each in made.json()] == [{"blobName", "blobURL"}, {"blobName", "blobURL"}, {"blobName", "error"}], made.text
    blob = box.get_blob_client("d/large")
    assert blob.download_blob().readall() == large and blob.get_blob_properties().content_settings.content_type == "text/plain"
    blob.set_blob_metadata({"colour": "blue"})
    done = call(host, "get", blobName="d/large", filePath="back", includeMetadata="true")
    assert (done.status, done.body, done.headers["metadata.filepath"], done.headers["metadata.colour"]) == (200, b"", "back", "blue"), done.text
    assert (folder / "back").read_bytes() == large
    box.upload_blob("d//evil", b"evil")
    read = call(host, "bulkGet", {"prefix": "d/", "destinationDir": "all"})
    assert sorted((each["blobName"], each.get("filePath")) for each in read.json()) == [
        ("d//evil", None), ("d/empty", "all/d/empty"), ("d/large", "all/d/large")], read.text
    assert (folder / "all/d/large").read_bytes() == large and (folder / "all/d/empty").read_bytes() == b""
    assert sorted(each.name for each in folder.rglob("*") if each.is_file()) == ["back", "empty", "empty", "large", "large"]


def test_a_blob_without_a_name_gets_one_and_a_second_one_replaces_the_first(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    name = call(host, "create", "one").json()["blobName"]
    assert len(name) == 36
    call(host, "create", "two", blobName=name)
    assert [each.name for each in box.list_blobs()] == [name]
    assert box.download_blob(name).readall() == b"two"


def test_a_wrong_digest_stores_nothing(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    done = call(host, "create", "hello", blobName="x", contentMD5=base64.b64encode(bytes(16)).decode())
    assert done.status == 500 and "Md5Mismatch" in done.text
    assert "16 bytes" in call(host, "create", "hello", blobName="x", contentMD5="short").text
    assert not list(box.list_blobs())


def test_a_large_blob_is_written_in_blocks(start_host, server, box):
    host = start_host(part(server, box, decodeBase64="true", blockSize="64Ki")).outbound_ready()
    data = bytes(number * 7 % 251 for number in range(300_000))
    assert call(host, "create", base64.b64encode(data).decode(), blobName="large", contentType="image/png", key="v").status == 200
    blob = box.get_blob_client("large")
    assert blob.download_blob().readall() == data
    committed, rest = blob.get_block_list("all")
    assert [block.size for block in committed] == [65536] * 4 + [300_000 - 4 * 65536] and not rest
    assert blob.get_blob_properties().content_settings.content_type == "image/png" and blob.get_blob_properties().metadata == {"key": "v"}


def test_get_reads_what_another_client_wrote(start_host, server, box):
    host = start_host(part(server, box, maxBlobSize="1Ki")).outbound_ready()
    box.upload_blob("x", bytes(range(256)), metadata={"first": "1"}, content_settings=ContentSettings(content_type="image/png"))
    done = call(host, "get", blobName="x", includeMetadata="true")
    assert (done.status, done.body, done.headers["metadata.first"]) == (200, bytes(range(256)), "1")
    assert "metadata.first" not in call(host, "get", blobName="x").headers
    assert "blob not found" in call(host, "get", blobName="none").text
    assert "blobName is a required attribute" in call(host, "get").text
    box.upload_blob("big", b"x" * 1025)
    assert "maxBlobSize" in call(host, "get", blobName="big").text


def test_delete_with_snapshots(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    blob = box.upload_blob("x", b"1")
    blob.create_snapshot()
    assert "SnapshotsPresent" in call(host, "delete", blobName="x").text
    assert call(host, "delete", blobName="x", deleteSnapshots="only").status in (200, 204)
    assert blob.exists()
    assert call(host, "delete", blobName="x").status in (200, 204)
    assert not blob.exists()
    assert "BlobNotFound" in call(host, "delete", blobName="x").text


def test_many_blobs_in_one_call(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    names = [f"b/{number} ä" for number in range(30)]
    made = call(host, "bulkCreate", {"items": [{"blobName": name, "data": f"of {name}", "contentType": "text/plain"} for name in names]})
    assert [each["blobName"] for each in made.json()] == names and made.headers["metadata.number"] == "30", made.text
    assert all(box.download_blob(name).readall().decode() == f"of {name}" for name in names)
    assert box.get_blob_client(names[0]).get_blob_properties().content_settings.content_type == "text/plain"
    box.upload_blob("binary", bytes(range(256)))
    read = call(host, "bulkGet", {"items": [{"blobName": name} for name in (*names, "none", "binary")], "concurrency": 5}).json()
    assert [base64.b64decode(each["data"]).decode() for each in read[:30]] == [f"of {name}" for name in names]
    assert "blob not found" in read[30]["error"] and base64.b64decode(read[31]["data"]) == bytes(range(256))
    gone = call(host, "bulkDelete", {"blobNames": ["none", names[0]]}).json()
    assert "BlobNotFound" in gone[0]["error"] and gone[1] == {"blobName": names[0]}
    assert {each["blobName"] for each in call(host, "bulkDelete", {"prefix": "b/"}).json()} == set(names[1:])
    assert [each.name for each in box.list_blobs()] == ["binary"]


def test_list_in_pages(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    for number in range(5):
        box.upload_blob(f"a/{number}", b"12345", metadata={"n": str(number)})
    box.upload_blob("b", b"")
    first = call(host, "list", {"prefix": "a/", "maxResults": 3, "include": {"metadata": True}})
    assert [(each["Name"], each["Metadata"]["n"], each["Properties"]["ContentLength"]) for each in first.json()] == \
        [(f"a/{number}", str(number), 5) for number in range(3)]
    assert (first.headers["metadata.number"], first.headers["metadata.pagestraversed"]) == ("3", "1")
    second = call(host, "list", {"prefix": "a/", "maxResults": 3, "marker": first.headers["metadata.marker"]})
    assert [each["Name"] for each in second.json()] == ["a/3", "a/4"] and second.headers["metadata.marker"] == ""
    assert len(call(host, "list").json()) == 6
    assert "maxResults" in call(host, "list", {"maxResults": "many"}).text


def test_a_signed_address_is_good_for_anybody(start_host, server, box):
    host = start_host(part(server, box)).outbound_ready()
    box.upload_blob("a b/ä", b"secret no more")
    url = call(host, "presign", blobName="a b/ä", signTTL="5m").json()["presignURL"]
    assert "sp=r" in url and "se=" in url and "sig=" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"secret no more"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.replace("%C3%A4", "o"))
    made = call(host, "create", "x", blobName="y", signTTL="60").json()["presignURL"]
    with urllib.request.urlopen(made) as answer:
        assert answer.read() == b"x"
    assert "signTTL is a required attribute for presign operations" in call(host, "presign", blobName="y").text


def test_the_container_is_made_for_all_to_read(start_host, server):
    fields = {"containerName": "everybody", **server.key_fields("blob"), "publicAccessLevel": "blob"}
    host = start_host(component("out", "bindings.azure.blobstorage", fields)).outbound_ready()
    url = call(host, "create", "open", blobName="x").json()["blobURL"]
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"open"


def test_a_container_that_is_missing_is_said(start_host, server, box):
    host = start_host(part(server, box, containerName="nowhere", disableEntityManagement="true")).outbound_ready()
    assert "ContainerNotFound" in call(host, "create", "x", blobName="x").text


def test_a_server_that_was_away_is_found_again(start_host, server, box):
    gate = Gate(server.port("blob"))
    host = start_host(part(server, box, endpoint=f"http://127.0.0.1:{gate.port}")).outbound_ready()
    assert call(host, "create", "1", blobName="x").status == 200
    gate.flow("refuse")
    gate.cut()
    assert call(host, "create", "2", blobName="x").status == 500
    gate.flow("pass")
    assert call(host, "create", "3", blobName="x").status == 200
    assert box.download_blob("x").readall() == b"3"
    gate.close()


def test_no_secret_is_said(start_host, server, box):
    planted = base64.b64encode(b"planted-secret-key").decode()
    host = start_host(part(server, box, accountKey=planted), part(server, box, "sas", accountKey=None, sasToken="sv=2021-12-02&sig=planted")
                      ).outbound_ready()
    answers = [call(host, operation, "x" if operation == "create" else None, name, blobName="x").text for operation in ("create", "get", "list", "delete") for name in ("out", "sas")]
    assert all("HTTP 403" in each for each in answers), answers
    for text in (*answers, host.output, json.dumps(host.metadata()), str(host.state("out")), str(host.state("sas"))):
        assert planted not in text and "planted" not in text and KEY not in text
