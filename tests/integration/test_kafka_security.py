"""Every way to log in that is offered, out and in again; and what is said when it is refused."""

import uuid

import pytest

from support.host import BUILD, component


def is_bundled():
    """Whether the plugin carries a current librdkafka; the system's cannot do SCRAM with a current broker."""
    import subprocess

    needed = subprocess.run(["readelf", "-d", str(BUILD / "plugins" / "bindings.kafka.so")], capture_output=True, text=True, check=True).stdout
    return "librdkafka.so" not in needed


def both(kafka, listener, topic, **fields):
    return component("both", "bindings.kafka", {"brokers": kafka.address(listener), "topics": topic, "publishTopic": topic,
                                                "consumerGroup": uuid.uuid4().hex, "initialOffset": "oldest", **fields})


def round_trip(start_host, kafka, app, text):
    host = start_host(text, app=app).outbound_ready()
    reply = host.create("both", "there and back")
    assert reply.status == 204, reply.text
    assert app.wait_for(1, "/both")[0].body == b'"there and back"'
    return host


PLAIN = {"authType": "password", "saslUsername": "alice", "saslPassword": "alice-secret"}
SCRAM = {"authType": "password", "saslUsername": "carol", "saslPassword": "carol-secret"}


def test_plain_without_tls(start_host, kafka, app):
    host = round_trip(start_host, kafka, app, both(kafka, "sasl_plaintext", kafka.topic(), **PLAIN, disableTls="true"))
    assert "alice-secret" not in host.output


def test_plain_over_tls(start_host, kafka, app):
    round_trip(start_host, kafka, app, both(kafka, "sasl_ssl", kafka.topic(), **PLAIN, caCert=kafka.tls("ca.pem")))


@pytest.mark.parametrize("mechanism", ["SHA-256", "SHA-512"])
@pytest.mark.parametrize("listener", ["sasl_plaintext", "sasl_ssl"])
def test_scram(start_host, kafka, app, mechanism, listener):
    more = {"disableTls": "true"} if listener == "sasl_plaintext" else {"caCert": kafka.tls("ca.pem")}
    text = both(kafka, listener, kafka.topic(), **SCRAM, saslMechanism=mechanism, **more)
    if is_bundled():
        host = round_trip(start_host, kafka, app, text)
        assert "carol-secret" not in host.output
    else:
        host = start_host(text, app=app).outbound_ready()
        reason = host.wait_for_state("both", lambda state: state.get("state") == "failed", "failed")["reason"]
        assert "librdkafka" in reason and "SCRAM" in reason


def test_tls_without_a_login(start_host, kafka, app):
    round_trip(start_host, kafka, app, both(kafka, "ssl", kafka.topic(), authType="certificate", caCert=kafka.tls("ca.pem")))


def test_mutual_tls(start_host, kafka, app):
    round_trip(start_host, kafka, app, both(kafka, "mtls", kafka.topic(), authType="mtls", caCert=kafka.tls("ca.pem"),
                                            clientCert=kafka.tls("client.crt"), clientKey=kafka.tls("client.key")))


def test_skip_verify(start_host, kafka, app):
    round_trip(start_host, kafka, app, both(kafka, "sasl_ssl", kafka.topic(), **PLAIN, skipVerify="true"))


@pytest.mark.parametrize(("listener", "fields"), [
    ("sasl_plaintext", {**PLAIN, "saslPassword": "wrong", "disableTls": "true"}),
    ("sasl_ssl", PLAIN),  # a certificate of nobody we know
    ("mtls", {"authType": "certificate", "caCert": "ca"}),  # a client certificate is wanted
])
def test_a_refused_login_is_said(start_host, kafka, app, listener, fields):
    fields = {key: kafka.tls("ca.pem") if value == "ca" else value for key, value in fields.items()}
    host = start_host(both(kafka, listener, kafka.topic(), **fields, invokeTimeout="3s"), component("sink", "bindings.null"), app=app).outbound_ready()
    reply = host.create("both", 1)
    assert reply.status == 500, reply.text
    state = host.wait_for_state("both", lambda state: state.get("reason"), "says why")
    words = ("authentication", "certificate", "ssl", "tls", "handshake")
    assert any(word in state["reason"].lower() for word in words), state
    assert host.create("sink", 1).status == 204
    assert "wrong" not in host.output
