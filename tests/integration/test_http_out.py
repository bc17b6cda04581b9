"""bindings.http against nginx, as the application sees it."""

import base64
import concurrent.futures
import contextlib
import functools
import select
import socket
import socketserver
import threading

import pytest

from support.fixtures import serving
from support.host import component
from support.servers import Server

far_end = serving(functools.partial(Server, "http-echo"))


@pytest.fixture
def call(start_host, far_end):
    def make(scheme="http", env=None, name="localhost", headers=None, **fields):
        url = f"{'http' if scheme == 'http' else 'https'}://{name}:{far_end.port(scheme)}"
        host = start_host(component("far", "bindings.http", {"url": url, **fields}), env=env).ready()
        return lambda operation, data=None, **metadata: host.invoke("far", {"operation": operation, "data": data, "metadata": metadata}, headers=headers)
    return make


class Proxy(socketserver.ThreadingTCPServer):
    """Takes CONNECT to anywhere, goes to `target` and counts."""
    daemon_threads = True

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.target = target
        self.asked = []


class Tunnel(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.asked.append(self.rfile.readline().decode().strip())
        while self.rfile.readline().strip():
            pass
        with socket.create_connection(("127.0.0.1", self.server.target)) as far:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for end in select.select([far, self.connection], [], [])[0]:
                    text = end.recv(65536)
                    if not text:
                        return
                    (self.connection if end is far else far).sendall(text)


@contextlib.contextmanager
def proxy_to(port):
    with Proxy(port) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


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
    assert base64.b64decode(reply.json()["data"]) == b"what is wrong" and reply.json()["base64"] is True
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


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("size", [4_000, 1_000_000])
def test_bodies_are_bit_exact(call, far_end, scheme, size):
    text = "".join(chr(32 + number * 7 % 90) for number in range(size)) + "Ünïcödé\u0000"
    reply = call(scheme, MTLSRootCA=far_end.tls("ca.pem"))("put", text, path="/raw")
    assert reply.status == 200 and reply.json() == text


@pytest.mark.parametrize("scheme, most", [("http", 100), ("https", 1)])
def test_a_hundred_at_once(call, far_end, scheme, most):
    post = call(scheme, MTLSRootCA=far_end.tls("ca.pem"))
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        replies = list(pool.map(lambda number: post("post", number), range(100)))
    assert [base64.b64decode(reply.json()["body"]) for reply in replies] == [b"%d" % number for number in range(100)]
    assert len({header(reply.json(), "x-echo-connection")[0] for reply in replies}) <= most


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_after_a_timeout_another_connection_is_taken(call, far_end, scheme):
    get = call(scheme, MTLSRootCA=far_end.tls("ca.pem"), responseTimeout="4s")
    before = header(get("get").json(), "x-echo-connection")[0]
    late = get("post", "x", path="/slow")
    assert late.status >= 400 and "had been sent" in late.text
    after = [header(get("get").json(), "x-echo-connection")[0] for _ in range(2)]
    assert before not in after and len(set(after)) == 1


def test_a_trace_goes_on(call):
    trace = "0af7651916cd43dd8448eb211c80319c"
    asked = call(headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": "a=b"})("get", Traceparent="mine").json()
    assert trace in header(asked, "traceparent")[0] and header(asked, "tracestate") == ["a=b"]


def test_a_proxy_of_the_environment_is_used(call, far_end):
    with proxy_to(far_end.port("https")) as proxy:
        address = f"http://127.0.0.1:{proxy.server_address[1]}"
        post = call("https", name="localhost", env={"https_proxy": address, "no_proxy": ""}, MTLSRootCA=far_end.tls("ca.pem"),
                    securityTokenHeader="X-Api-Key", securityToken="s3cret")
        asked = [post("post", "x").json() for _ in range(2)]
        assert {header(each, "x-echo-protocol")[0] for each in asked} == {"HTTP/2.0"}
        assert proxy.asked == [f"CONNECT localhost:{far_end.port('https')} HTTP/1.1"]


def test_tls_wants_the_right_authority(call):
    reply = call("https")("get")
    assert reply.status >= 400 and "certificate" in reply.text.lower()


def test_a_certificate_of_ours(call, far_end, tmp_path):
    without = call("mtls", MTLSRootCA=far_end.tls("ca.pem"))("get")
    assert without.status >= 400 and without.headers["metadata.statuscode"] == "400" and b"No required SSL certificate" in base64.b64decode(without.json()["data"])
    (tmp_path / "key.pem").write_text(far_end.tls("client.key"))
    get = call("mtls", MTLSRootCA=far_end.tls("ca.pem"), MTLSClientCert=far_end.tls("client.crt"), MTLSClientKey=str(tmp_path / "key.pem"))
    assert header(get("get").json(), "x-echo-client") == ["CN=cleat-test-client"]


def test_half_a_pair_of_certificate_and_key_is_refused(start_host, far_end):
    host = start_host(component("far", "bindings.http", {"url": "https://localhost", "MTLSClientCert": far_end.tls("client.crt")})).ready()
    state = host.wait_for_state("far", lambda state: state.get("state") == "failed", "failed")
    assert "MTLSClientKey" in str(state)
