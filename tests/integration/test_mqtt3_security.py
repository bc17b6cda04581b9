"""MQTT over TLS and with users: who is let in, and what is said of what is not."""

import socket
import ssl
import threading
import uuid

import pytest

from support.fixtures import serving
from support.servers_mqtt import VERSIONS, Mosquitto, binding, income, outcome, subscribed
from support.wait import wait_until

EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)

broker = serving(Mosquitto)


@pytest.fixture
def topic():
    return f"t-{uuid.uuid4().hex[:10]}"


@EACH_VERSION
@pytest.mark.parametrize("listener", ["tls", "mtls", "login"])
def test_both_directions_with_security(start_host, broker, app, topic, version, listener):
    fields = {"tls": lambda: {"caCert": broker.tls("ca.pem")},
              "mtls": lambda: {"caCert": broker.tls("ca.pem"), "clientCert": broker.tls("client.crt"), "clientKey": broker.tls("client.key")},
              "login": lambda: {"username": "alice", "password": "alice-secret"}}[listener]()
    place = f"alice/{topic}"
    host = start_host(binding(broker, place, version, "input, output", "both", listener, **fields), app=app).ready()
    subscribed(host, "both")
    wait_until(lambda: host.create("both", "secret").status == 204, "a call succeeds")
    assert app.wait_for(1, "/both")[0].body == b'"secret"'


@pytest.mark.parametrize("fields, why", [
    ({"url": "tcp://alice:wrong-secret@127.0.0.1:{login}"}, "not authorized"),
    ({"url": "tcp://127.0.0.1:{login}"}, "not authorized"),
    ({"url": "ssl://localhost:{tls}"}, "certificate is not accepted"),
    ({"url": "ssl://127.0.0.2:{tls}", "caCert": "{ca}"}, ""),
    ({"url": "ssl://localhost:{mtls}", "caCert": "{ca}"}, ""),
    ({"url": "ssl://localhost:{plain}", "caCert": "{ca}"}, ""),
    ({"url": "tcp://no-such-host.invalid"}, "cannot be resolved"),
])
def test_what_is_wrong_with_the_connection_is_said(start_host, broker, app, topic, fields, why):
    names = {name: broker.port(name) for name in ("plain", "login", "tls", "mtls")}
    fields = {name: value.replace("{ca}", broker.tls("ca.pem")) if name == "caCert" else value.format(**names)
              for name, value in fields.items()}
    url = fields.pop("url")
    host = start_host(income(broker, topic, url=url, **fields), outcome(broker, topic, url=url, **fields), app=app)
    host.wait_for_state("in", lambda state: "MQTT broker" in str(state) and why in str(state), f"the input says {why}")
    failed = wait_until(lambda: (lambda done: done if "MQTT broker" in done.text else None)(host.create("out", 1)), "the output says it")
    assert failed.status == 500
    assert "wrong-secret" not in host.output and "wrong-secret" not in failed.text


def test_an_acl_that_refuses_a_publication_is_said_with_mqtt_5(start_host, broker, topic):
    host = start_host(outcome(broker, topic, listener="login", username="alice", password="alice-secret")).outbound_ready()
    refused = wait_until(lambda: (lambda done: done if "not authorized" in done.text else None)(host.create("out", 1)), "the refusal")
    assert refused.status == 500 and topic in refused.text


class NamedServer:
    """A TLS listener that is no broker: it notes the name that each client asks for, and closes."""

    def __init__(self, broker):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(broker.folder / "tls" / "server.crt", broker.folder / "tls" / "server.key")
        context.sni_callback = lambda _socket, name, _context: self.asked.append(name)
        self.asked = []
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                self._listener.accept()[0].close()
            except ssl.SSLError:
                pass
            except OSError:
                return

    def close(self):
        self._listener.close()


@pytest.mark.parametrize("direction", ["input", "output"])
@pytest.mark.parametrize("host, name", [("localhost", "localhost"), ("127.0.0.1", None)])
def test_a_server_of_several_names_is_told_which(start_host, broker, app, topic, direction, host, name):
    server = NamedServer(broker)
    try:
        start_host(binding(broker, topic, "5", direction, "in", url=f"ssl://{host}:{server.port}", caCert=broker.tls("ca.pem")), app=app)
        wait_until(lambda: server.asked, "a client")
        assert server.asked[0] == name
    finally:
        server.close()
