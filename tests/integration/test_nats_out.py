"""An invoked NATS output is a message, a message that a stream has, or a request with its answer."""

import json
import uuid

import pytest

from support.app import hold_port
from support.fixtures import serving
from support.host import component
from support.servers_nats import USER, Listener, Nats, plain_server, with_credentials
from support.wait import wait_until

server = serving(Nats)


@pytest.fixture
def subject():
    return f"t.{uuid.uuid4().hex[:10]}"


def output(server, name="out", **fields):
    given = {"direction": "output", **server.fields(), **fields}
    return component(name, "bindings.nats", {key: value for key, value in given.items() if value is not None})


def failure(reply):
    """The status and the sentence of a failed call."""
    assert reply.status == 500, f"{reply.status} {reply.text}"
    return reply.headers.get("cleat-status"), reply.text


def test_a_message_goes_out_with_the_metadata_as_headers(start_host, server, subject):
    with Listener(server, subject) as listener:
        host = start_host(output(server)).outbound_ready()
        assert host.create("out", {"a": 1}, subject=subject, region="eu").status == 204
        assert host.create("out", "", subject=subject).status == 204
        message, empty = listener.wait_for(2)
    assert message.data == b'{"a":1}' or json.loads(message.data) == {"a": 1}
    assert message.headers["region"] == "eu" and "subject" not in message.headers
    assert empty.data in (b"", b'""')


def test_the_components_subject_is_used_where_a_request_names_none(start_host, server, subject):
    with Listener(server, subject) as listener:
        host = start_host(output(server, publishSubject=subject)).outbound_ready()
        assert host.invoke("out", {"operation": "create", "data": "x"}).status == 204
        assert not listener.wait_for(1)[0].headers


def test_success_means_that_the_stream_has_it(start_host, server):
    stream = server.stream()
    host = start_host(output(server, jetstream="true", publishStream=stream)).outbound_ready()
    reply = host.create("out", {"order": 1}, subject=f"{stream}.a", msgId="m1")
    assert reply.status in (200, 204), reply.text
    again = host.create("out", {"order": 1}, subject=f"{stream}.a", msgId="m1")
    assert again.status in (200, 204)
    found = {key.removeprefix("metadata."): value for key, value in again.headers.items()}
    assert found.get("duplicate") == "true" and found.get("sequence") == "1" and found.get("stream") == stream, again.headers
    messages = server.stored(stream)
    assert [json.loads(message.data) for message in messages] == [{"order": 1}]
    assert messages[0].headers["Nats-Msg-Id"] == "m1"


def test_a_subject_that_no_stream_takes_is_an_error(start_host, server, subject):
    host = start_host(output(server, jetstream="true")).outbound_ready()
    status, text = failure(host.create("out", "x", subject=subject))
    assert status == "NOT_FOUND" and f"no stream takes '{subject}'" in text, (status, text)


def test_another_stream_than_the_one_wanted_refuses(start_host, server):
    stream = server.stream()
    host = start_host(output(server, publishStream="OTHER")).outbound_ready()
    status, text = failure(host.create("out", "x", subject=f"{stream}.a"))
    assert status == "CONFLICT" and "expected stream does not match" in text, (status, text)
    assert server.stored(stream) == []


def test_a_full_stream_refuses(start_host, server):
    stream = server.stream(max_msgs=1, discard="new")
    host = start_host(output(server, jetstream="true")).outbound_ready()
    assert host.create("out", "1", subject=f"{stream}.a").status in (200, 204)
    status, text = failure(host.create("out", "2", subject=f"{stream}.a"))
    assert status == "THROTTLED" and "maximum messages exceeded" in text, (status, text)


def test_a_request_gives_the_answer(start_host, server, subject):
    def answer(message):
        return b"\0pong:" + message.data, {"X-Served-By": "me", "Content-Type": "text/plain"}
    with Listener(server, subject, answer):
        host = start_host(output(server)).outbound_ready()
        reply = host.invoke("out", {"operation": "request", "data": {"q": 1}, "metadata": {"subject": subject}})
    assert reply.status == 200 and reply.body.startswith(b"\0pong:") and json.loads(reply.body[6:]) == {"q": 1}, reply
    assert reply.headers.get("metadata.x-served-by") == "me" or reply.headers.get("x-served-by") == "me", reply.headers


def test_a_request_that_nobody_answers(start_host, server, subject):
    host = start_host(output(server), output(server, "hasty", invokeTimeout="1s")).outbound_ready()
    call = {"operation": "request", "data": "x", "metadata": {"subject": subject}}
    status, text = failure(host.invoke("out", call))
    assert status == "UNAVAILABLE" and f"nobody listens on '{subject}'" in text
    with Listener(server, subject):
        wait_until(lambda: failure(host.invoke("hasty", call))[0] == "TIMEOUT", lambda: f"nobody answers; {host.state('hasty')}")


def test_what_may_not_be_written_is_denied(start_host, server, subject):
    fields = {"username": "bob", "password": "bob-secret"}
    host = start_host(output(server, **fields), output(server, "stored", jetstream="true", **fields)).outbound_ready()
    for name in ("out", "stored"):
        status, text = failure(host.create(name, "x", subject=subject))
        assert status == "DENIED" and "Permissions Violation" in text and subject in text, (status, text)
    with Listener(server, "open.>") as listener:
        assert host.create("out", "x", subject=f"open.{subject}").status == 204
        listener.wait_for(1)


def test_a_message_that_is_too_large_for_the_server(start_host, server, subject):
    host = start_host(output(server)).outbound_ready()
    status, text = failure(host.create("out", "x" * (1 << 20), subject=subject))
    assert status == "TOO_LARGE" and "the server takes 1048576" in text, (status, text)
    assert host.create("out", "x", subject=subject).status == 204


def test_no_blank_or_line_end_reaches_the_protocol(start_host, server, subject):
    host = start_host(output(server)).outbound_ready()
    for metadata in ({"subject": f"{subject} x"}, {"subject": f"{subject}\r\nPUB evil 0\r\n"}, {"subject": f"{subject}.*"}, {"subject": "a..b"},
                     {"subject": subject, "x": "1\r\nevil: 2"}, {"subject": subject, "b c": "d"}):
        status, _ = failure(host.invoke("out", {"operation": "create", "data": "x", "metadata": metadata}))
        assert status == "INVALID", metadata
    with Listener(server, subject) as listener:
        assert host.create("out", "x", subject=subject).status == 204
        listener.wait_for(1)


def test_calls_fail_while_the_server_is_away_and_succeed_again(start_host, server):
    stream = server.stream()
    host = start_host(output(server, jetstream="true")).outbound_ready()
    server.kill()
    wait_until(lambda: host.create("out", "x", subject=f"{stream}.a").status == 500, "a call that fails")
    host.wait_for_state("out", lambda state: "NATS cannot be reached" in str(state), "it says why")
    server.start()
    wait_until(lambda: host.create("out", "y", subject=f"{stream}.b").status in (200, 204), "a call that succeeds again")
    assert server.stored(stream)[-1].subject == f"{stream}.b"


def tried(host, subject):
    """Whether a call succeeds in the end, and what the component says of itself."""
    def done():
        return host.create("out", "x", subject=subject).status == 204
    wait_until(done, lambda: f"a call that succeeds; {host.state('out')}")


def refused(host, *parts):
    host.wait_for_state("out", lambda state: all(part in str(state) for part in parts), f"says {parts}")
    assert "secret" not in host.output and "NATS USER JWT-----" not in host.output


def test_ways_to_log_in(start_host, server, subject):
    nothing = {"username": None, "password": None}
    tried(start_host(output(server, nkeySeed=server.seed(), **nothing)), subject)
    refused(start_host(output(server, **nothing)), "uthorization")
    refused(start_host(output(server, password="wrong-secret")), "uthorization")


def test_credentials_and_a_token(start_host, server, subject, tmp_path):
    nothing = {"username": None, "password": None}
    config, credentials = with_credentials(tmp_path)
    file = tmp_path / "user.creds"
    with plain_server(tmp_path, config) as address:
        tried(start_host(output(server, url=address, credentials=credentials, **nothing)), subject)
        host = start_host(output(server, url=address, credentialsFile=file, **nothing))
        refused(host, "credentialsFile: expected a readable .creds file", "nothing to read")
        file.write_text(credentials)
        tried(host, subject)
        refused(start_host(output(server, url=address, nkeySeed=server.seed(), **nothing)), "uthorization")
    with plain_server(tmp_path, 'authorization { token: "a\\"secret" }') as address:
        tried(start_host(output(server, url=address, token='a"secret', **nothing)), subject)
        refused(start_host(output(server, url=address, token="a-secret", **nothing)), "uthorization")


def test_tls(start_host, server, subject):
    ca = server.tls("ca.pem")
    url = f"tls://{server.address('tls')}"
    tried(start_host(output(server, url=url, caCert=ca)), subject)
    tried(start_host(output(server, url=f"nats://localhost:{server.port('tls')}", caCert=ca)), subject)
    tried(start_host(output(server, url=url, skipVerify="true")), subject)
    refused(start_host(output(server, url=url)), "certificate")
    refused(start_host(output(server, url=url, caCert=ca, tlsServerName="other.example")), "ostname")
    refused(start_host(output(server, tls="true", caCert=ca)), "ecure")


def test_mutual_tls(start_host, server, subject):
    mine = {"url": f"tls://{server.address('mtls')}", "caCert": server.tls("ca.pem")}
    tried(start_host(output(server, clientCert=server.tls("client.crt"), clientKey=server.tls("client.key"), **mine)), subject)
    host = start_host(output(server, **mine))
    host.wait_for_state("out", lambda state: "NATS cannot be reached" in str(state), "it is not let in")


def test_a_server_of_several_is_enough(start_host, server, subject):
    holder = hold_port()
    url = f"nats://127.0.0.1:{holder.getsockname()[1]},nats://{server.address('plain')}"
    tried(start_host(output(server, url=url)), subject)
    holder.close()


def test_no_secret_is_said(start_host, server):
    host = start_host(output(server, url=f"nats://alice:alice-secret@{server.address('plain')}", **{key: None for key in USER}))
    host.wait_for_state("out", lambda state: "user or password in front of the host" in str(state), "why it does not start")
    assert "alice-secret" not in host.output
