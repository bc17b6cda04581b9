"""Calls become objects of Google Cloud Storage, and objects answers, judged by Google's own client."""

import base64
import json
import urllib.parse
import urllib.request
import uuid

import pytest
from google.cloud.storage._signing import generate_signed_url_v4
from google.oauth2 import service_account

from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_google import EMAIL, FakeGcs, Tokens


server = serving(FakeGcs)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    found = Tokens(tmp_path_factory.mktemp("tokens"))
    yield found
    found.close()


@pytest.fixture
def box(server):
    return server.make_bucket()


@pytest.fixture
def part(server, tokens, box):
    def make(name="out", **fields):
        given = {"bucket": box.name, "endpoint": server.url, **tokens.fields, **fields}
        return component(name, "bindings.gcp.bucket", {key: value for key, value in given.items() if value is not None})
    return make


def call(host, operation, data=None, to="out", **metadata):
    body = {"operation": operation, "metadata": metadata}
    if data is not None:
        body["data"] = data
    return host.invoke(to, body)


def test_create_stores_properties_and_metadata(start_host, server, part, box):
    host = start_host(part()).outbound_ready()
    done = call(host, "create", "hello", key="a b/ä.txt", contentType="text/plain", cacheControl="no-cache", **{"x-goog-meta-Color": "röt"})
    assert done.status == 200, done.text
    assert done.json() == {"objectURL": f"{server.url}/{box.name}/a%20b/%C3%A4.txt"}
    found = box.get_blob("a b/ä.txt")
    assert found.download_as_bytes() == b"hello"
    assert (found.content_type, found.cache_control, found.metadata) == ("text/plain", "no-cache", {"color": "röt"})
    assert done.headers["metadata.generation"] == str(found.generation)


def test_the_component_says_what_objects_are_that_do_not_say_it(start_host, part, box):
    host = start_host(part(contentType="image/png")).outbound_ready()
    assert call(host, "create", "a", key="a").status == 200
    assert call(host, "create", "b", key="b", contentType="text/csv").status == 200
    assert [box.get_blob(name).content_type for name in "ab"] == ["image/png", "text/csv"]


def test_an_object_without_a_name_gets_one_and_a_second_one_replaces_the_first(start_host, part, box):
    host = start_host(part()).outbound_ready()
    key = call(host, "create", "one").headers["metadata.key"]
    assert len(key) == 36
    call(host, "create", "two", name=key, key="hidden by name")
    assert [each.name for each in box.list_blobs()] == [key]
    assert box.blob(key).download_as_bytes() == b"two"


@pytest.mark.parametrize("size", [256 << 10, (256 << 10) + 1, 1_000_000])
def test_a_large_object_goes_in_chunks(start_host, part, box, size):
    host = start_host(part(decodeBase64="true", chunkSize="256Ki")).outbound_ready()
    data = (bytes(number * 7 % 251 for number in range(251)) * (size // 251 + 1))[:size]
    done = call(host, "create", base64.b64encode(data).decode(), key="large", contentType="image/png", **{"x-goog-meta-k": "v"})
    assert done.status == 200, done.text
    found = box.get_blob("large")
    assert found.download_as_bytes() == data
    assert (found.content_type, found.metadata) == ("image/png", {"k": "v"})


def test_an_object_above_eight_megabytes_goes_in_chunks_of_itself(start_host, part, box):
    host = start_host(part(), options=["--max-body-size", "16Mi"]).outbound_ready()
    data = "0123456789abcdef" * (600 << 10)
    assert call(host, "create", data, key="large").status == 200
    assert box.blob("large").download_as_bytes() == data.encode()


def test_get_reads_what_another_client_wrote(start_host, part, box):
    host = start_host(part(maxObjectSize="1Ki")).outbound_ready()
    blob = box.blob("x y")
    blob.upload_from_string(bytes(range(256)), content_type="image/png")
    done = call(host, "get", key="x y")
    assert (done.status, done.body, done.headers["metadata.generation"]) == (200, bytes(range(256)), str(blob.generation))
    assert call(host, "get", key="x y", encodeBase64="yes").body == base64.b64encode(bytes(range(256)))
    assert "object not found" in call(host, "get", key="none").text
    assert "can't read key value" in call(host, "get").text
    box.blob("empty").upload_from_string(b"")
    assert call(host, "get", key="empty").body == b""
    box.blob("big").upload_from_string(b"x" * 1025)
    assert "maxObjectSize" in call(host, "get", key="big").text


def test_delete(start_host, part, box):
    host = start_host(part()).outbound_ready()
    box.blob("x/y").upload_from_string(b"1")
    assert call(host, "delete", key="x/y").status == 204
    assert box.get_blob("x/y") is None
    assert "object not found" in call(host, "delete", key="x/y").text


def test_a_condition_that_does_not_hold_changes_nothing(start_host, part, box):
    host = start_host(part(chunkSize="256Ki")).outbound_ready()
    assert call(host, "create", "first", key="x", ifGenerationMatch="0").status == 200
    for data in ("second", "x" * 300_000):
        again = call(host, "create", data, key="x", ifGenerationMatch="0")
        assert "HTTP 412" in again.text
    assert box.blob("x").download_as_bytes() == b"first"
    generation = box.get_blob("x").generation
    assert call(host, "create", "third", key="x", ifGenerationMatch=str(generation)).status == 200
    assert "ifGenerationMatch" in call(host, "create", "x", key="x", ifGenerationMatch="one").text


def test_list_in_pages(start_host, part, box):
    host = start_host(part()).outbound_ready()
    assert call(host, "list").body == b"null"
    for number in range(5):
        blob = box.blob(f"a/{number}")
        blob.metadata = {"n": str(number)}
        blob.upload_from_string(b"12345", content_type="text/plain")
    box.blob("b").upload_from_string(b"")
    first = call(host, "list", {"prefix": "a/", "maxResults": 3})
    assert [(each["Name"], each["Size"], each["Metadata"]["n"], each["ContentType"]) for each in first.json()] == \
        [(f"a/{number}", 5, str(number), "text/plain") for number in range(3)]
    theirs, ours = box.get_blob("a/0"), first.json()[0]
    assert (ours["Bucket"], ours["Generation"], ours["MD5"], ours["Etag"]) == (box.name, theirs.generation, theirs.md5_hash, theirs.etag)
    assert ours["CRC32C"] == int.from_bytes(base64.b64decode(theirs.crc32c), "big")
    second = call(host, "list", {"prefix": "a/", "maxResults": 3, "pageToken": first.headers["metadata.nextpagetoken"]})
    assert [each["Name"] for each in second.json()] == ["a/3", "a/4"] and "metadata.nextpagetoken" not in second.headers
    assert sorted(each["Name"] or each["Prefix"] for each in call(host, "list", {"delimiter": "/"}).json()) == ["a/", "b"]
    assert "maxResults" in call(host, "list", {"maxResults": "many"}).text


def test_bulk_get_is_bounded(start_host, part, box):
    host = start_host(part(maxObjectSize="1Ki")).outbound_ready()
    for number in range(20):
        box.blob(f"a/{number:02}").upload_from_string(bytes([number, 255]))
    found = call(host, "bulkGet").json()
    assert [(each["name"], base64.b64decode(each["data"])) for each in found] == [(f"a/{number:02}", bytes([number, 255])) for number in range(20)]
    assert found[0]["attrs"]["Name"] == "a/00"
    some = call(host, "bulkGet", {"prefix": "a/1", "maxResults": 2})
    assert [each["name"] for each in some.json()] == ["a/10", "a/11"] and some.headers["metadata.nextpagetoken"]
    box.blob("big").upload_from_string(b"x" * 1020)
    assert "maxObjectSize" in call(host, "bulkGet").text
    assert len(call(host, "bulkGet", {"prefix": "b"}).json()) == 1


def test_copy_move_and_rename(start_host, server, part, box):
    host = start_host(part()).outbound_ready()
    other = server.make_bucket()
    box.blob("a b").upload_from_string(b"1", content_type="text/css")
    done = call(host, "copy", {"destinationBucket": other.name, "destinationKey": "c/d"}, key="a b")
    assert done.text == f"object a b copied to {other.name}/c/d"
    assert (other.get_blob("c/d").download_as_bytes(), other.get_blob("c/d").content_type) == (b"1", "text/css")
    assert call(host, "move", {"destinationBucket": other.name}, key="a b").text == f"object a b moved to {other.name}/a b"
    assert box.get_blob("a b") is None and other.get_blob("a b").download_as_bytes() == b"1"
    box.blob("old").upload_from_string(b"2")
    assert call(host, "rename", {"newName": "new"}, key="old").text == "object old renamed to new"
    assert [each.name for each in box.list_blobs()] == ["new"]
    for operation, data in (("rename", {"newName": "new"}), ("move", {"destinationKey": "new"})):
        assert f"move destination {box.name}/new is the same as the source" in call(host, operation, data, key="new").text
    assert box.blob("new").download_as_bytes() == b"2"
    assert "copy/move requires at least one of destinationBucket or destinationKey" in call(host, "copy", {}, key="new").text
    assert "required 'newName' missing" in call(host, "rename", {}, key="new").text
    assert "object not found" in call(host, "move", {"destinationKey": "x"}, key="none").text


def test_a_signed_address_is_what_googles_client_makes(start_host, server, tokens, part, box):
    host = start_host(part(signTTL="1h"), part("google", endpoint=None)).outbound_ready()
    box.blob("a b/ä~").upload_from_string(b"secret no more")
    url = call(host, "sign", key="a b/ä~").json()["signURL"]
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"secret no more"
    signer = service_account.Credentials.from_service_account_info(tokens.account)
    for url, base, seconds in ((url, server.url, 3600), (call(host, "sign", to="google", key="a b/ä~", signTTL="15m").json()["signURL"],
                                                         "https://storage.googleapis.com", 900)):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert query["X-Goog-Credential"].startswith(EMAIL + "/")
        theirs = generate_signed_url_v4(signer, resource=f"/{box.name}/{urllib.parse.quote('a b/ä~', safe='/~')}", expiration=seconds,
                                        api_access_endpoint=base, method="GET", _request_timestamp=query["X-Goog-Date"])
        assert url == theirs


def test_tokens_are_of_the_key_and_taken_once(start_host, part, tokens):
    before = len(tokens.given)
    host = start_host(part()).outbound_ready()
    for _ in range(10):
        assert call(host, "create", "x", key="x").status == 200
    assert len(tokens.given) == before + 1


def test_an_emulator_of_the_environment_asks_for_no_token(start_host, server, box):
    fields = {"bucket": box.name, "projectID": "shop"}
    host = start_host(component("out", "bindings.gcp.bucket", fields), env={"STORAGE_EMULATOR_HOST": server.address("plain")}).outbound_ready()
    assert call(host, "create", "x", key="x").status == 200
    assert box.blob("x").download_as_bytes() == b"x"


def test_credentials_are_found_by_the_environment_and_tls_has_its_own_authority(start_host, server, tokens, box, tmp_path):
    before = len(tokens.given)
    path = tmp_path / "account.json"
    path.write_text(json.dumps(tokens.account))
    fields = {"bucket": box.name, "projectID": "shop", "endpoint": f"https://{server.address('tls')}", "caCert": server.tls("ca.pem")}
    host = start_host(component("out", "bindings.gcp.bucket", fields), env={"GOOGLE_APPLICATION_CREDENTIALS": str(path)}).outbound_ready()
    assert call(host, "create", "x", key="x").status == 200, host.output
    assert len(tokens.given) > before


def test_a_server_that_was_away_is_found_again(start_host, server, part, box):
    gate = Gate(server.port("plain"))
    host = start_host(part(endpoint=f"http://127.0.0.1:{gate.port}")).outbound_ready()
    assert call(host, "create", "1", key="x").status == 200
    gate.flow("refuse")
    gate.cut()
    assert call(host, "create", "2", key="x").status == 500
    gate.flow("pass")
    assert call(host, "create", "3", key="x").status == 200
    assert box.blob("x").download_as_bytes() == b"3"
    gate.close()


def test_a_bucket_that_is_missing_is_said(start_host, part):
    host = start_host(part(bucket=f"nowhere-{uuid.uuid4().hex}"))
    host.ready()
    assert "HTTP 404" in call(host, "create", "x", key="x").text


def test_no_secret_is_said(start_host, tokens, part, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = Tokens(stranger)
    # One is refused with its key; the other has a token, and is refused what it asks for with that.
    host = start_host(part(privateKey=other.key), part("nowhere", bucket=f"nowhere-{uuid.uuid4().hex}"))
    host.ready()
    answers, missing = ([call(host, operation, "x" if operation == "create" else None, to=name, key="x").text
                         for operation in ("create", "get", "delete", "bulkGet")] for name in ("out", "nowhere"))
    assert all("invalid_grant" in each for each in answers), answers
    assert tokens.given and all("HTTP 404" in each or "not found" in each for each in missing), missing
    planted = other.key.splitlines()[3]
    for text in (*answers, *missing, host.output, json.dumps(host.metadata()), str(host.state("out")), str(host.state("nowhere"))):
        assert planted not in text and tokens.key.splitlines()[3] not in text and "planted-token" not in text
    other.close()
