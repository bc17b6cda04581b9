"""bindings.http against nginx, as the application sees it."""

import base64

import pytest

from support.host import component
from support.servers import Server


@pytest.fixture(scope="module")
def far_end(tmp_path_factory):
    server = Server("http-echo", tmp_path_factory.mktemp("http"))
    yield server
    server.stop()


@pytest.fixture
def call(start_host, far_end):
    def make(scheme="http", **fields):
        url = f"{'http' if scheme == 'http' else 'https'}://localhost:{far_end.port(scheme)}"
        host = start_host(component("far", "bindings.http", {"url": url, **fields})).ready()
        return lambda operation, data=None, **metadata: host.invoke("far", {"operation": operation, "data": data, "metadata": metadata})
    return make


def header(asked, name):
    return [value for key, value in asked["headers"] if key.lower() == name.lower()]


def test_headers_of_any_spelling_and_the_token(call):
    get = call(securityTokenHeader="X-Api-Key", securityToken="s3cret")
    asked = get("get", path="/a//b?q=1", **{"x-lower": "1", "X-Upper": "2", "Content-Length": "77", "accept": "text/plain"}).json()
    assert asked["path"] == "/a//b?q=1" and asked["method"] == "GET"
    assert header(asked, "x-lower") == ["1"] and header(asked, "X-Upper") == ["2"] and header(asked, "X-Api-Key") == ["s3cret"]
    assert header(asked, "accept") == ["text/plain"] and header(asked, "content-length") == []


def test_a_header_cannot_be_smuggled_in(call):
    get = call()
    for metadata in ({"X-A": "1\r\nX-B: 2"}, {"X A": "1"}, {"path": "/a b"}):
        reply = get("get", **metadata)
        assert reply.status >= 400 and "metadata" in reply.text


@pytest.mark.parametrize("operation", ["create", "post", "put", "patch"])
def test_a_body_goes_with_its_type(call, operation):
    asked = call()(operation, {"id": 1}).json()
    assert base64.b64decode(asked["body"]) == b'{"id":1}' or base64.b64decode(asked["body"]) == b'{"id": 1}'
    assert header(asked, "content-type") == ["application/json; charset=utf-8"]


def test_the_answer_of_a_failure_reaches_the_caller(call):
    get = call()
    reply = get("get", path="/status/404")
    assert reply.status >= 400 and "received status code 404" in str(reply.headers) + reply.text
    assert reply.headers["metadata.statuscode"] == "404" and reply.headers["metadata.status"] == "404 Not Found"
    calm = get("get", path="/status/404", errorIfNot2XX="false")
    assert calm.status == 200 and calm.text == "what is wrong" and calm.headers["metadata.statuscode"] == "404"
    assert get("get").headers["metadata.x-twice"] == "a, b"


def test_a_bound_is_an_error_and_not_a_cut(call):
    get = call(maxResponseBodySize="1Ki")
    assert len(get("get", path="/size/1024").body) == 1024
    reply = get("get", path="/size/1025")
    assert reply.status >= 400 and "maxResponseBodySize" in reply.text


def test_an_answer_that_is_cut_off_is_an_error(call):
    reply = call()("get", path="/cut")
    assert reply.status >= 400


def test_a_slow_answer_ends_with_the_time(call):
    reply = call(responseTimeout="500ms")("get", path="/slow")
    assert reply.status >= 400 and "within the time" in reply.text


def test_redirects_are_followed(call):
    asked = call()("post", "x", path="/redirect/302").json()
    assert asked["method"] == "GET" and asked["path"] == "/"
    assert call()("post", "x", path="/redirect/307").json()["method"] == "POST"


def test_connections_are_used_again_and_http_2_is_spoken(call, far_end):
    get = call("https", MTLSRootCA=far_end.tls("ca.pem"))
    seen = [get("get").json() for _ in range(5)]
    assert {header(each, "x-echo-protocol")[0] for each in seen} == {"HTTP/2.0"}
    assert len({header(each, "x-echo-connection")[0] for each in seen}) == 1


def test_tls_wants_the_right_authority(call):
    reply = call("https")("get")
    assert reply.status >= 400 and "certificate" in reply.text.lower()


def test_a_certificate_of_ours(call, far_end, tmp_path):
    assert call("mtls", MTLSRootCA=far_end.tls("ca.pem"))("get", errorIfNot2XX="false").status != 204
    (tmp_path / "key.pem").write_text(far_end.tls("client.key"))
    get = call("mtls", MTLSRootCA=far_end.tls("ca.pem"), MTLSClientCert=far_end.tls("client.crt"), MTLSClientKey=str(tmp_path / "key.pem"))
    assert header(get("get").json(), "x-echo-client") == ["CN=cleat-test-client"]


def test_half_a_pair_of_certificate_and_key_is_refused(start_host, far_end):
    host = start_host(component("far", "bindings.http", {"url": "https://localhost", "MTLSClientCert": far_end.tls("client.crt")})).ready()
    state = host.wait_for_state("far", lambda state: state.get("state") == "failed", "failed")
    assert "MTLSClientKey" in str(state)
