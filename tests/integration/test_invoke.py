"""What an application gets when it invokes an output: the vectors of Dapr's contract, and where we are kinder."""

import http.client
import json
from dataclasses import dataclass

import pytest

from support.host import component

ECHO = component("echo", "bindings.echo")
NULL = component("sink", "bindings.null")
MIB = 1 << 20


def everything(start_host, echo_dir, *options, **more):
    from support.host import BUILD

    return start_host(ECHO, NULL, plugin_dir=echo_dir, options=["--plugin-dir", str(BUILD / "plugins"), *options], **more)


@pytest.fixture(params=["default", "strict"])
def way(request):
    return request.param


@pytest.fixture
def host(start_host, echo_dir, way):
    return everything(start_host, echo_dir, *(["--strict-dapr"] if way == "strict" else [])).outbound_ready()


@dataclass
class Expected:
    status: int
    body: str | None = None  # the whole body
    error: str = ""  # errorCode
    message: str = ""  # what the message ends with or holds

    def check(self, reply):
        assert reply.status == self.status, reply.text
        if self.body is not None:
            assert reply.text == self.body
        if self.error:
            assert reply.headers["content-type"] == "application/json"
            assert reply.json()["errorCode"] == self.error, reply.text
            assert self.message in reply.json()["message"], reply.text
        if reply.status == 204:
            assert reply.body == b"" and "content-type" not in reply.headers


def failed(message):
    return Expected(500, error="ERR_INVOKE_OUTPUT_BINDING", message=message)


def malformed(message=""):
    return Expected(400, error="ERR_MALFORMED_REQUEST", message="failed deserializing HTTP body: " + message)


NO_ROUTE = Expected(404, error="ERR_DIRECT_INVOKE", message="failed getting app id either from the URL path or the header dapr-app-id")
NO_OPERATION = failed("error invoking output binding echo: operation field is missing from request")

# What is sent, what is answered by default, what with --strict-dapr (the same where there is no third).
TABLE = {
    "a string keeps its quotes": ("POST", "echo", '{"operation":"create","data":"hi"}', Expected(200, '"hi"')),
    "put is post": ("PUT", "echo", '{"operation":"create","data":"hi"}', Expected(200, '"hi"')),
    "no body to give back": ("POST", "sink", '{"operation":"create","data":"hi"}', Expected(204)),
    "no data": ("POST", "echo", '{"operation":"create"}', Expected(200, "null")),
    "null data": ("POST", "echo", '{"operation":"create","data":null}', Expected(200, "null")),
    "names of fields in any case": ("POST", "echo", '{"OPERATION":"create","Data":1}', Expected(200, "1")),
    "unknown fields": ("POST", "echo", '{"operation":"create","data":1,"more":[{}]}', Expected(200, "1")),
    "an operation that is not offered": ("POST", "echo", '{"operation":"nope"}', failed(
        "error invoking output binding echo: binding echo does not support operation nope. supported operations:create")),
    "operations are told apart by case": ("POST", "echo", '{"operation":"Create"}', failed("does not support operation Create")),
    "an unknown binding": ("POST", "nobody", '{"operation":"create"}', failed(
        "error invoking output binding nobody: couldn't find output binding nobody")),
    "an empty body": ("POST", "echo", "", malformed("EOF")),
    "a list": ("POST", "echo", "[]", malformed()),
    "text": ("POST", "echo", "hello", malformed()),
    "a cut body": ("POST", "echo", '{"operation":"create","data":{"a":1}', malformed()),
    "broken data": ("POST", "echo", '{"operation":"create","data":{"a":01}}', malformed()),
    "broken text inside data": ("POST", "echo", b'{"operation":"create","data":"\xff\xfe"}', None),
    "metadata that is no text": ("POST", "echo", '{"operation":"create","metadata":{"a":1}}', malformed()),
    "an operation that is no text": ("POST", "echo", '{"operation":1}', malformed()),
    "bytes after the value": ("POST", "echo", '{"operation":"create","data":1} x', malformed(), Expected(200, "1")),
    "a slash too many": ("POST", "/echo/", '{"operation":"create","data":1}', Expected(200, "1")),
    "no operation": ("POST", "echo", '{"data":{"message":"Hi"}}', Expected(200, '{"message":"Hi"}'), NO_OPERATION),
    "null for a body": ("POST", "echo", "null", None, NO_OPERATION),
    "get": ("GET", "echo", None, failed("does not support operation get"), NO_ROUTE),
    "delete": ("DELETE", "echo", None, failed("does not support operation delete"), NO_ROUTE),
    "get with an operation": ("GET", "echo", '{"operation":"create","data":2}', Expected(200, "2"), NO_ROUTE),
    "metadata as a list": ("POST", "echo", '{"operation":"create","data":1,"metadata":[{"key":"redis-key-1"}]}', Expected(200, "1"), malformed()),
    "a method that is not ours": ("PATCH", "echo", '{"operation":"create"}', NO_ROUTE),
    "a path that is not ours": ("POST", "../nowhere", "{}", NO_ROUTE),
}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """One host per column for the whole table."""
    import shutil

    from support.host import BUILD, Host

    plugins = tmp_path_factory.mktemp("plugins")
    shutil.copy(BUILD / "tests" / "fakes" / "bindings.echo.so", plugins)
    started = {}
    for column, options in {"default": [], "strict": ["--strict-dapr"]}.items():
        started[column] = Host(tmp_path_factory.mktemp(column), ECHO, NULL, plugin_dir=plugins,
                               options=["--plugin-dir", str(BUILD / "plugins"), *options]).outbound_ready()
    yield started
    for host in started.values():
        host.finish()


@pytest.mark.parametrize("column", ["default", "strict"])
@pytest.mark.parametrize("case", TABLE)
def test_table(hosts, case, column):
    method, name, body, default, *strict = TABLE[case]
    expected = strict[0] if strict and column == "strict" else default
    reply = hosts[column].invoke(name, body or "", method) if body is not None else hosts[column].request(method, f"/v1.0/bindings/{name}")
    if expected is None:  # only that it is answered, and well
        assert reply.status < 600
    else:
        expected.check(reply)


def test_digits_and_order_of_the_data_are_kept(hosts):
    data = '{"b":9007199254740993,"a":12345678901234567890,"c":1.0,"d":1e400}'
    reply = hosts["default"].invoke("echo", '{"operation":"create","data": { "b" : 9007199254740993, "a":12345678901234567890, "c":1.0,"d":1e400 } }')
    assert reply.status == 200
    assert reply.text == data


def test_answers_carry_the_metadata_of_the_plugin(hosts):
    for host in hosts.values():
        reply = host.create("echo", "x", statusCode="201")
        assert (reply.status, reply.text) == (200, '"x"')
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["metadata.statuscode"] == "201"


@pytest.mark.parametrize("pairs", [
    '[{"key": "redis-key-1"}]', '[{"name": "key", "value": "redis-key-1"}]', '[{"key": "key", "value": "redis-key-1"}]', '{"key": "redis-key-1"}'])
def test_metadata_in_each_form_of_the_page_from_2019(hosts, pairs):
    reply = hosts["default"].invoke("echo", '{"data": {"message": "Hi"}, "metadata": %s}' % pairs)
    assert (reply.status, reply.text) == (200, '{"message":"Hi"}')
    assert reply.headers["metadata.key"] == "redis-key-1"


def test_failures_name_their_status(hosts):
    reply = hosts["default"].invoke("echo", {"operation": "nope"})
    assert reply.headers["cleat-status"] == "UNSUPPORTED"


@pytest.mark.parametrize("column", ["default", "strict"])
def test_a_body_over_the_limit(start_host, echo_dir, column):
    options = ["--max-body-size", "1Ki"] + (["--strict-dapr"] if column == "strict" else [])
    host = everything(start_host, echo_dir, *options).outbound_ready()
    frame = len('{"operation":"create","data":""}')
    fits = '{"operation":"create","data":"%s"}' % ("x" * (1024 - frame))
    assert len(fits) == 1024
    assert host.invoke("echo", fits).status == 200
    malformed("stream too large").check(host.invoke("echo", fits.replace("xx", "xxx", 1)))
    assert host.invoke("echo", fits).status == 200


def test_headers_over_the_limit_are_431(hosts):
    reply = hosts["default"].invoke("echo", {"operation": "create"}, headers={"x-long": "y" * 40000})
    assert reply.status == 431


def test_a_client_may_wait_for_100_continue(hosts):
    connection = http.client.HTTPConnection("127.0.0.1", hosts["default"].port, timeout=20)
    body = b'{"operation":"create","data":7}'
    connection.putrequest("POST", "/v1.0/bindings/echo")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(4096).startswith(b"HTTP/1.1 100")
    connection.sock.sendall(body)
    answer = b""
    while b"\r\n\r\n7" not in answer:
        got = connection.sock.recv(4096)
        assert got, answer
        answer += got
    assert answer.startswith(b"HTTP/1.1 200")
    connection.close()


def test_requests_in_one_go_are_answered_in_order(hosts):
    import socket

    calls = 20
    with socket.create_connection(("127.0.0.1", hosts["default"].port), 20) as client:
        sent = b""
        for number in range(calls):
            body = json.dumps({"operation": "create", "data": f"n{number}"}).encode()
            sent += b"POST /v1.0/bindings/echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        client.sendall(sent)
        got = b""
        while got.count(b'"n') < calls:
            more = client.recv(65536)
            assert more, got
            got += more
    places = [got.index(b'"n%d"' % number) for number in range(calls)]
    assert places == sorted(places)


# --- the token ---

@pytest.mark.parametrize("column", ["default", "strict"])
def test_token_of_the_api(start_host, echo_dir, column):
    host = everything(start_host, echo_dir, *(["--strict-dapr"] if column == "strict" else []), env={"DAPR_API_TOKEN": "s3cret"}).outbound_ready()
    body = {"operation": "create", "data": 1}
    for headers in ({}, {"dapr-api-token": "wrong"}, {"dapr-api-token": "s3cre"}):
        reply = host.invoke("echo", body, headers=headers)
        assert reply.status == 401
        assert reply.text.strip() == "invalid api token"
        assert reply.headers["content-type"].startswith("text/plain")
    assert host.invoke("echo", body, headers={"dapr-api-token": "s3cret"}).status == 200
    assert host.request("GET", "/v1.0/healthz").status in (204, 500)
    assert host.request("GET", "/v1.0/healthz/outbound").status == 204
    assert host.request("GET", "/v1.0/metadata").status == 401
    assert host.request("POST", "/v1.0/shutdown").status == 401
    assert "s3cret" not in host.output


# --- health, metadata, shutdown ---

def test_health_and_metadata(hosts):
    host = hosts["default"]
    host.ready()
    assert host.request("GET", "/v1.0/healthz?appid=test").status == 204
    wrong = host.request("GET", "/v1.0/healthz?appid=other")
    assert (wrong.status, wrong.json()["errorCode"]) == (500, "ERR_HEALTH_APPID_NOT_MATCH")
    known = host.metadata()
    assert known["id"] == "test"
    listed = {entry["name"]: entry for entry in known["components"]}
    assert listed["sink"]["type"] == "bindings.null"
    assert listed["sink"]["capabilities"] == ["OUTPUT_BINDING"]
    assert host.request("PUT", "/v1.0/metadata/colour", "blue").status == 204
    assert host.metadata()["extended"]["colour"] == "blue"


def test_shutdown_by_request(start_host, echo_dir):
    host = everything(start_host, echo_dir).outbound_ready()
    assert host.request("POST", "/v1.0/shutdown").status == 204
    assert host.wait_exit() == 0


def test_forced_shutdown_by_request(start_host, echo_dir):
    host = everything(start_host, echo_dir).outbound_ready()
    assert host.request("POST", "/v1.0/shutdown", headers={"dapr-force-shutdown": "true"}).status == 204
    assert host.wait_exit() == 1
