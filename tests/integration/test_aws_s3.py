"""Calls become objects of S3, and objects answers, judged by boto3. moto checks the signatures."""

import base64
import json
import os
import subprocess
import uuid

import pytest
from botocore.exceptions import ClientError

from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_aws import Moto

PLANTED = "planted-secret-7f3a"
ODD = "a/b c+d~é&=?#.txt"
PART = 5 << 20


moto = serving(Moto)


@pytest.fixture
def box(moto):
    """A bucket, as boto3 has it."""
    return moto.bucket()


def part(moto, box, name="out", **fields):
    return component(name, "bindings.aws.s3", {**moto.fields(bucket=box.name), **fields})


def call(host, operation, data=None, name="out", **metadata):
    body = {"operation": operation, "metadata": metadata}
    if data is not None:
        body["data"] = data
    return host.invoke(name, body)


def keys(box):
    return sorted(each.key for each in box.objects.all())


def unfinished(box):
    return list(box.multipart_uploads.all())


def test_create_stores_what_boto3_reads(start_host, moto, box):
    host = start_host(part(moto, box)).outbound_ready()
    done = call(host, "create", "hello", key=ODD, tags="kind=new, two words = b@c", storageClass="STANDARD_IA", **{"Content-Type": "text/plain"})
    assert done.status == 200, done.text
    assert done.json() == {"location": f"{moto.url()}/{box.name}/a/b%20c%2Bd~%C3%A9%26%3D%3F%23.txt", "versionID": None}
    found = box.Object(ODD).get()
    assert (found["Body"].read(), found["ContentType"], found["StorageClass"]) == (b"hello", "text/plain", "STANDARD_IA")
    assert done.headers["metadata.etag"] == found["ETag"]
    tags = moto.client("s3").get_object_tagging(Bucket=box.name, Key=ODD)["TagSet"]
    assert {each["Key"]: each["Value"] for each in tags} == {"kind": "new", "two words": "b@c"}
    assert "invalid tag format: 'kind' (expected key=value)" in call(host, "create", "x", key="k", tags="kind").text


def test_an_object_without_a_key_gets_one_and_a_version_is_told(start_host, moto, box):
    box.Versioning().enable()
    host = start_host(part(moto, box)).outbound_ready()
    done = call(host, "create", {"n": 1})
    name = done.headers["metadata.key"]
    assert len(name) == 36 and keys(box) == [name]
    found = box.Object(name).get()
    assert json.loads(found["Body"].read()) == {"n": 1} and found["VersionId"] == done.json()["versionID"]
    assert found["ContentType"] == "binary/octet-stream"


def test_get_reads_what_boto3_wrote(start_host, moto, box):
    host = start_host(part(moto, box, maxObjectSize="1Ki")).outbound_ready()
    box.put_object(Key=ODD, Body=bytes(range(256)), ContentType="image/png")
    done = call(host, "get", key=ODD)
    assert (done.status, done.body, done.headers["metadata.etag"]) == (200, bytes(range(256)), box.Object(ODD).e_tag)
    assert base64.b64decode(call(host, "get", key=ODD, encodeBase64="true").body) == bytes(range(256))
    box.put_object(Key="empty", Body=b"")
    assert call(host, "get", key="empty").body == b""
    missing = call(host, "get", key="none")
    assert "object not found" in missing.text and "NoSuchKey" in missing.text and missing.headers["cleat-status"] == "NOT_FOUND"
    assert "required metadata 'key' missing" in call(host, "get").text
    box.put_object(Key="big", Body=b"x" * 1025)
    assert "maxObjectSize" in call(host, "get", key="big").text


def test_a_large_object_is_written_in_parts(start_host, moto, box):
    host = start_host(part(moto, box, decodeBase64="true", partSize="5Mi"), options=["--max-body-size", "20Mi"]).outbound_ready()
    data = os.urandom(2 * PART + 12345)
    done = call(host, "create", base64.b64encode(data).decode(), key=ODD, tags="a=1", **{"Content-Type": "image/png"})
    assert done.status == 200, done.text
    found = box.Object(ODD).get()
    assert found["Body"].read() == data and found["ContentType"] == "image/png" and found["ETag"].endswith('-3"')
    assert not unfinished(box)


def test_a_file_is_written_in_parts_and_only_from_its_folder(start_host, moto, box, tmp_path):
    data = os.urandom(PART + 1)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "large").write_bytes(data)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in" / "text").write_text(base64.b64encode(b"small").decode())
    (tmp_path / "in" / "link").symlink_to("../secret")
    host = start_host(part(moto, box, fileFolder=str(tmp_path / "in"), partSize="5Mi")).outbound_ready()
    assert call(host, "create", key="large", filePath="large").status == 200
    assert call(host, "create", key="text", filePath=str(tmp_path / "in" / "text"), decodeBase64="true").status == 200
    assert box.Object("large").get()["Body"].read() == data and box.Object("text").get()["Body"].read() == b"small"
    for path in ("../secret", str(tmp_path / "secret"), "link", "none", "."):
        assert "file read error" in call(host, "create", key="x", filePath=path).text
    assert keys(box) == ["large", "text"] and not unfinished(box)


def test_delete(start_host, moto, box):
    host = start_host(part(moto, box)).outbound_ready()
    box.put_object(Key=ODD, Body=b"1")
    assert call(host, "delete", key=ODD).status in (200, 204) and keys(box) == []
    assert call(host, "delete", key=ODD).status in (200, 204)


def test_list_in_pages(start_host, moto, box):
    host = start_host(part(moto, box)).outbound_ready()
    names = ["a/1", "a/2 +é", "a/3", "b", "c/d/e"]
    for name in names:
        box.put_object(Key=name, Body=b"12345")
    first = call(host, "list", {"prefix": "a/", "maxResults": 2}).json()
    assert [each["Key"] for each in first["Contents"]] == names[:2] and first["IsTruncated"] is True
    one = first["Contents"][0]
    assert (one["Size"], one["StorageClass"], one["ETag"]) == (5, "STANDARD", box.Object("a/1").e_tag) and one["LastModified"].endswith("Z")
    rest = call(host, "list", {"prefix": "a/", "marker": first["Contents"][-1]["Key"]}).json()
    assert [each["Key"] for each in rest["Contents"]] == ["a/3"] and rest["IsTruncated"] is False
    folded = call(host, "list", {"delimiter": "/"}).json()
    assert folded["CommonPrefixes"] == [{"Prefix": "a/"}, {"Prefix": "c/"}] and [each["Key"] for each in folded["Contents"]] == ["b"]
    assert len(call(host, "list").json()["Contents"]) == 5
    assert call(host, "list", {"prefix": "zz"}).json()["Contents"] is None
    assert "maxResults" in call(host, "list", {"maxResults": "many"}).text


def test_a_signed_address_is_good_for_curl(start_host, moto, box):
    host = start_host(part(moto, box)).outbound_ready()
    box.put_object(Key=ODD, Body=b"secret no more")
    url = call(host, "presign", key=ODD, presignTTL="5m").json()["presignURL"]
    assert "X-Amz-Expires=300" in url and "X-Amz-Signature=" in url
    made = call(host, "create", "x", key="y", presignTTL="60").json()["presignURL"]
    with moto.without_checks():  # it fails on signatures in an address, good and bad
        for address, bytes_ in ((url, b"secret no more"), (made, b"x")):
            assert subprocess.run(["curl", "-sf", "--max-time", "20", address], capture_output=True, check=True).stdout == bytes_
    assert moto.is_signed_for_reading(url, box.name, ODD) and moto.is_signed_for_reading(made, box.name, "y")
    assert "required metadata 'presignTTL' missing" in call(host, "presign", key="y").text
    assert "168h" in call(host, "presign", key="y", presignTTL="169h").text


def test_many_at_once(start_host, moto, box, tmp_path):
    host = start_host(part(moto, box)).outbound_ready()
    (tmp_path / "file").write_text("of a file")
    made = call(host, "bulkCreate", {"concurrency": 2, "items": [
        {"key": "1", "data": "one", "contentType": "text/plain"}, {"key": ODD, "data": {"n": 2}}, {"data": "no key"},
        {"key": "3", "filePath": str(tmp_path / "file")}, {"key": "4", "filePath": str(tmp_path / "none")}]}).json()
    assert [each["key"] for each in made] == ["1", ODD, "", "3", "4"]
    assert made[0]["location"] == f"{moto.url()}/{box.name}/1" and "'key' missing" in made[2]["error"] and "file read error" in made[4]["error"]
    assert box.Object("1").get()["ContentType"] == "text/plain" and keys(box) == ["1", "3", ODD]
    box.put_object(Key="bytes", Body=b"\xff")
    read = call(host, "bulkGet", {"items": [{"key": "1"}, {"key": "none"}, {"key": ODD}, {"key": "bytes"},
                                            {"key": "3", "filePath": str(tmp_path / "copy")}]}).json()
    assert read[0] == {"key": "1", "data": "one"} and "object not found" in read[1]["error"] and json.loads(read[2]["data"]) == {"n": 2}
    assert "encodeBase64" in read[3]["error"] and read[4] == {"key": "3"} and (tmp_path / "copy").read_text() == "of a file"
    coded = call(host, "bulkGet", {"items": [{"key": "bytes"}]}, encodeBase64="true").json()
    assert base64.b64decode(coded[0]["data"]) == b"\xff"
    gone = call(host, "bulkDelete", {"keys": ["1", ODD, "1", "none"]}).json()
    assert gone == [{"key": "1"}, {"key": ODD}, {"key": "none"}] and keys(box) == ["3", "bytes"]
    assert "bulkDelete requires at least one key" in call(host, "bulkDelete", {"keys": []}).text
    assert "bulkGet requires at least one item" in call(host, "bulkGet", {"items": []}).text
    assert "concurrency must be greater than 0, got 0" in call(host, "bulkGet", {"items": [{"key": "1"}], "concurrency": 0}).text


def test_a_bucket_that_is_missing_is_said(start_host, moto, box):
    host = start_host(part(moto, box, bucket="nowhere-" + uuid.uuid4().hex[:8])).outbound_ready()
    reply = call(host, "create", "x", key="x")
    assert "NoSuchBucket" in reply.text and reply.headers["cleat-status"] == "NOT_FOUND"


def test_a_server_that_was_away_is_found_again(start_host, moto, box):
    gate = Gate(moto.port("http"))
    host = start_host(part(moto, box, endpoint=f"http://127.0.0.1:{gate.port}")).outbound_ready()
    assert call(host, "create", "1", key="x").status == 200
    gate.flow("refuse")
    gate.cut()
    assert call(host, "create", "2", key="x").status == 500
    gate.flow("pass")
    assert call(host, "create", "3", key="x").status == 200
    assert box.Object("x").get()["Body"].read() == b"3"
    gate.close()


def test_no_secret_is_said(start_host, moto, box):
    host = start_host(part(moto, box, secretKey=PLANTED)).outbound_ready()
    answers = [call(host, operation, "x" if operation == "create" else None, key="x") for operation in ("create", "get", "list", "delete")]
    assert all("SignatureDoesNotMatch" in each.text and each.headers["cleat-status"] == "UNAUTHENTICATED" for each in answers), answers
    for text in (*(each.text for each in answers), host.output, json.dumps(host.metadata()), str(host.state("out"))):
        assert PLANTED not in text
    with pytest.raises(ClientError):
        box.Object("x").load()
