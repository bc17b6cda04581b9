"""An invoked Redis output is one command, done by the server when the call succeeds."""

import socket
import threading
import time
import uuid

import pytest

from conformance.cases.redis import CASE
from conformance.plugin import CONFLICT, DENIED, DOWN, OK, TIMEOUT, UNAUTHENTICATED, UNAVAILABLE, UP, Plugin
from support.fixtures import alone, serving
from support.gate import Gate
from support.host import component
from support.servers_redis import Redis
from support.wait import wait_until

server = serving(Redis)
plugin = alone(CASE)


@pytest.fixture
def key():
    return f"key-{uuid.uuid4().hex[:10]}"


def connected(plugin, server, **fields):
    plugin.run({**server.fields(), **fields}, "output")
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    return plugin


def down(plugin, fields, *words):
    """Runs it with fields that do not let it in, and gives what it says of that."""
    plugin.run(fields, "output")
    wait_until(lambda: plugin.health()[0] == DOWN and all(word in plugin.health()[1] for word in words),
               lambda: f"DOWN with {words}, it is {plugin.health()}")
    return plugin.health()[1]


# --- operations ---


def test_through_the_host(start_host, server, key):
    host = start_host(component("out", "bindings.redis", server.fields())).outbound_ready()
    assert host.create("out", {"a": 1}, key=key).status == 204
    assert server.client.get(key) == b'{"a":1}' and server.client.ttl(key) == -1
    assert host.invoke("out", {"operation": "get", "metadata": {"key": key}}).body == b'{"a":1}'
    assert host.invoke("out", {"operation": "delete", "metadata": {"key": key}}).status == 204
    assert server.client.exists(key) == 0
    assert host.invoke("out", {"operation": "get", "metadata": {"key": key}}).body == b""
    assert [host.invoke("out", {"operation": "increment", "metadata": {"key": key}}).body for _ in range(3)] == [b"1", b"2", b"3"]
    reply = host.invoke("out", {"operation": "get"})
    assert reply.status == 500 and "redis binding: missing key in request metadata" in reply.text


def test_a_time_to_live_is_set_with_the_value(plugin, server, key):
    connected(plugin, server)
    before = server.client.info("commandstats")
    plugin.good("create", b"v", {"key": key, "ttlInSeconds": "100"})
    assert 70_000 < server.client.pttl(key) <= 100_000
    plugin.good("create", b"v", {"key": key, "ttl": "1m30s"})
    assert 60_000 < server.client.pttl(key) <= 90_000
    plugin.good("create", b"v", {"key": key, "ttl": "5500ms"})
    assert server.client.get(key) == b"v" and 0 < server.client.pttl(key) <= 5500
    after = server.client.info("commandstats")
    assert [name for name in after if "expire" in name and after[name] != before.get(name)] == []
    wait_until(lambda: server.client.get(key) is None, "it has gone")
    plugin.good("increment", b"", {"key": key, "ttlInSeconds": "100"})
    assert plugin.good("increment", b"", {"key": key, "ttl": "1h"}).data == b"2"
    assert 3_500_000 < server.client.pttl(key) <= 3_600_000
    refused = plugin.call("create", b"v", {"key": key, "ttl": "soon"})
    assert refused.text == "ttl value must be a valid integer: actual is 'soon'" and not refused.retryable


def test_get_that_takes_out(plugin, server, key):
    connected(plugin, server)
    server.client.set(key, b"\0\r\n$1")
    assert plugin.good("get", b"", {"key": key, "delete": "yes"}).data == b"\0\r\n$1"
    assert plugin.good("get", b"", {"key": key, "delete": "true"}).data == b"\0\r\n$1"
    assert server.client.exists(key) == 0


def test_keys_are_bytes_too(plugin, server):
    connected(plugin, server)
    key = f"{uuid.uuid4().hex} \r\n*3 ü"
    plugin.good("create", b"", {"key": key})
    assert server.client.get(key.encode()) == b""


def test_what_the_server_refuses_is_said(plugin, server, key):
    connected(plugin, server)
    server.client.lpush(key, "x")
    refused = plugin.call("get", b"", {"key": key})
    assert (refused.status, refused.retryable) == (CONFLICT, False) and "WRONGTYPE" in refused.text
    server.client.set(key, "no number")
    assert "not an integer" in plugin.call("increment", b"", {"key": key}).text


def test_one_connection_carries_many_calls_at_once(plugin, server, key):
    connected(plugin, server)
    before = server.client.info("clients")["connected_clients"]
    calls = [plugin.invoke("increment", b"", {"key": key}) for _ in range(500)]
    assert sorted(int(plugin.wait(call).data) for call in calls) == list(range(1, 501))
    # Fewer when one of the test before has only now gone.
    assert server.client.info("clients")["connected_clients"] <= before


# --- who may come in ---


def test_a_database_of_its_own(plugin, server, key):
    connected(plugin, server, redisDB="3").good("create", b"three", {"key": key})
    assert server.client.get(key) is None
    assert server.client.execute_command("SELECT", 3) and server.client.get(key) == b"three"
    server.client.execute_command("SELECT", 0)


def test_a_wrong_password_is_said_and_not_shown(plugin, server, key):
    said = down(plugin, server.fields(redisPassword="not-the-secret-one"), "WRONGPASS", server.address("plain"))
    assert "not-the-secret-one" not in said
    refused = plugin.call("create", b"", {"key": key})
    assert (refused.status, refused.retryable) == (UNAUTHENTICATED, True)
    assert "not-the-secret-one" not in refused.text + plugin.said()


def test_without_a_password_where_one_is_wanted(plugin, server):
    down(plugin, {"redisHost": server.address("plain")}, "NOAUTH")


def test_a_user_who_may_do_little(plugin, server, key):
    """Not even PING, which is no reason to keep it out."""
    server.client.acl_setuser("small", enabled=True, passwords=["+small-secret"], keys=["open-*"], commands=["+get", "+set"], reset=True)
    connected(plugin, server, redisUsername="small", redisPassword="small-secret")
    assert plugin.ping().status == OK
    plugin.good("create", b"v", {"key": f"open-{key}"})
    refused = plugin.call("create", b"v", {"key": key})
    assert (refused.status, refused.retryable) == (DENIED, False) and "NOPERM" in refused.text


def test_what_a_user_of_an_output_needs(plugin, server, key):
    server.client.acl_setuser("outgoing", enabled=True, passwords=["+small-secret"], keys=["*"], reset=True,
                              commands=["+get", "+set", "+getdel", "+del", "+incr", "+eval", "+pexpire", "+select"])
    connected(plugin, server, redisUsername="outgoing", redisPassword="small-secret", redisDB="1")
    plugin.good("create", b"v", {"key": key, "ttl": "1m"})
    assert plugin.good("get", b"", {"key": key, "delete": "true"}).data == b"v"
    assert plugin.good("increment", b"", {"key": key, "ttl": "1m"}).data == b"1"
    plugin.good("delete", b"", {"key": key})


def tls(server, host="127.0.0.1", **more):
    return server.fields(redisHost=f"{host}:{server.port('tls')}", enableTLS="true", **more)


def test_tls_with_a_ca(plugin, server, key):
    connected(plugin, server, **tls(server, caCert=server.tls("ca.pem")))
    plugin.good("create", b"x" * 3_000_000, {"key": key})
    assert plugin.good("get", b"", {"key": key}).data == b"x" * 3_000_000


def test_tls_by_name(plugin, server, key):
    connected(plugin, server, **tls(server, host="localhost", caCert=server.tls("ca.pem")))
    plugin.good("create", b"v", {"key": key})


def test_tls_with_an_unknown_ca(plugin, server):
    down(plugin, tls(server), "certificate verify failed")


def test_tls_unchecked(plugin, server, key):
    connected(plugin, server, **tls(server, insecureSkipTLSVerify="true")).good("create", b"v", {"key": key})


def test_plain_where_tls_is_spoken(plugin, server):
    down(plugin, server.fields(redisHost=server.address("tls"), dialTimeout="1s"), server.address("tls"))


def test_tls_where_plain_is_spoken(plugin, server):
    down(plugin, server.fields(enableTLS="true", caCert=server.tls("ca.pem"), dialTimeout="1s"), server.address("plain"))


def test_a_certificate_of_the_client(plugin, server, key):
    """Wanted by the server, and shown with any subset of the other fields that makes sense."""
    server.client.config_set("tls-auth-clients", "yes")
    try:
        connected(plugin, server, **tls(server, insecureSkipTLSVerify="true", clientCert=server.tls("client.crt"), clientKey=server.tls("client.key")))
        plugin.good("create", b"v", {"key": key})
    finally:
        server.client.config_set("tls-auth-clients", "optional")


def test_no_certificate_of_the_client_where_one_is_wanted(plugin, server):
    server.client.config_set("tls-auth-clients", "yes")
    try:
        down(plugin, tls(server, caCert=server.tls("ca.pem")), server.address("tls"))
    finally:
        server.client.config_set("tls-auth-clients", "optional")


@pytest.mark.parametrize("fields, words", [
    ({"clientCert": "x", "enableTLS": "true"}, ("clientKey",)),
    ({"caCert": "no PEM", "enableTLS": "true"}, ("caCert",)),
    ({"caCert": "x"}, ("enableTLS",)),
    ({"useEntraID": "true"}, ("useEntraID", "not served yet")),
    ({"useOIDC": "true", "oidcClientAssertionKey": "alice-secret"}, ("useOIDC", "not served yet")),
    ({"redisHost": "a:1,b:2"}, ("redisHost", "one server")),
    ({"redisHost": "a:1", "redisPort": "2"}, ('redis host "a:1" already contains port 1, but redisPort is set to 2',)),
    ({"failover": "true"}, ("sentinelMasterName",)),
    ({"redisUsername": "alice"}, ("redisPassword",)),
])
def test_fields_that_cannot_work(tmp_path, fields, words):
    plugin = Plugin(CASE, tmp_path)
    assert plugin.use({"redisHost": "localhost:1", **fields}, "output").status == OK
    plugin.create()
    refused = plugin.init()
    assert refused.status != OK and all(word in refused.text for word in words), refused.text
    plugin.free()
    plugin.close()


# --- a server that is not there, or says nothing ---


def test_a_server_that_is_killed_and_comes_back(plugin, server, key):
    connected(plugin, server)
    plugin.good("create", b"kept", {"key": key})
    server.kill()
    wait_until(lambda: plugin.health()[0] == DOWN, "DOWN")
    refused = plugin.call("create", b"v", {"key": key})
    assert (refused.status, refused.retryable) == (UNAVAILABLE, True) and refused.took < 5, refused
    refused = plugin.call("increment", b"", {"key": f"n-{key}"})
    assert refused.retryable and "may have been" not in refused.text, "it was not sent, so it may be tried again"
    server.start()
    wait_until(lambda: plugin.health()[0] == UP, "UP")
    assert plugin.good("get", b"", {"key": key}).data == b"kept"


def test_a_silent_server_costs_a_call_its_own_time_at_most(plugin, server, key):
    connected(plugin, server)
    server.pause()
    try:
        late = plugin.call("create", b"v", {"key": key}, limit=0.5)
        assert (late.status, late.retryable) == (TIMEOUT, True) and 0.4 < late.took < 5, late
        late = plugin.call("increment", b"", {"key": f"n-{key}"}, limit=0.5)
        assert late.status == TIMEOUT and not late.retryable and "may have been carried out" in late.text
        late = plugin.call("create", b"v", {"key": key}, limit=60)
        assert (late.status, late.retryable) == (TIMEOUT, True) and late.took < 15 and "readTimeout" in late.text, late
        wait_until(lambda: plugin.health()[0] == DOWN, "DOWN")
    finally:
        server.resume()
    wait_until(lambda: plugin.health()[0] == UP, "UP")
    plugin.good("create", b"v", {"key": key})


def test_a_connection_that_breaks_under_load(plugin, server, key):
    """Each call ends, those that succeeded were done, and those that were not sent may be tried again."""
    gate = Gate(server.port("plain"))
    connected(plugin, server, redisHost=f"127.0.0.1:{gate.port}")
    gate.flow("delay", 0.2)
    calls = [plugin.invoke("increment", b"", {"key": key}) for _ in range(200)]
    gate.cut()
    gate.flow()
    ended = [plugin.wait(call) for call in calls]
    assert all(each.status == OK or each.retryable == ("may have been carried out" not in each.text) for each in ended)
    assert not ended[0].retryable, "the first was sent"
    wait_until(lambda: plugin.call("increment", b"", {"key": key}).status == OK, "it works again")
    assert int(server.client.get(key)) >= sum(each.status == OK for each in ended) + 1
    gate.close()


def test_answers_in_small_pieces(plugin, server, key):
    gate = Gate(server.port("plain"))
    connected(plugin, server, redisHost=f"127.0.0.1:{gate.port}")
    gate.flow("slice")
    plugin.good("create", b"v" * 300, {"key": key})
    assert plugin.good("get", b"", {"key": key}).data == b"v" * 300
    gate.close()


def test_a_slow_line_is_no_silence(plugin, server, key):
    """The answer takes far longer than readTimeout, and comes."""
    gate = Gate(server.port("plain"))
    server.client.set(key, b"v" * 200)
    connected(plugin, server, redisHost=f"127.0.0.1:{gate.port}", readTimeout="3s")
    gate.flow("slice", 0.025)
    done = plugin.call("get", b"", {"key": key}, limit=60)
    assert done.status == OK and done.data == b"v" * 200 and done.took > 4, (done.status, done.text, done.took)
    gate.close()


def test_a_name_that_is_not_there(plugin, key):
    down(plugin, {"redisHost": "no-such-host.invalid"}, "no-such-host.invalid", "cannot be resolved")
    refused = plugin.call("create", b"", {"key": key})
    assert (refused.status, refused.retryable) == (UNAVAILABLE, True)


def test_a_server_that_accepts_and_says_nothing(plugin, key):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        plugin.run({"redisHost": f"127.0.0.1:{silent.getsockname()[1]}", "dialTimeout": "1s"}, "output")
        late = plugin.call("create", b"", {"key": key}, limit=0.5)
        assert (late.status, late.retryable) == (TIMEOUT, True) and late.took < 5
        wait_until(lambda: "dialTimeout" in plugin.health()[1], lambda: f"DOWN, it is {plugin.health()}")


def test_a_server_that_babbles(plugin, key):
    """What is not Redis is said to be at fault, and nothing breaks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def babble():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.close()
        threading.Thread(target=babble, daemon=True).start()
        down(plugin, {"redisHost": f"127.0.0.1:{listener.getsockname()[1]}"}, "Protocol error")
        listener.shutdown(socket.SHUT_RDWR)


def test_stop_does_not_wait_for_a_silent_server(tmp_path, server, key):
    plugin = connected(Plugin(CASE, tmp_path), server)
    server.pause()
    try:
        call = plugin.invoke("create", b"v", {"key": key}, limit=60)
        began = time.monotonic()
        plugin.stop()
        assert plugin.wait(call).status != OK and time.monotonic() - began < 10
        plugin.free()
        plugin.close()
    finally:
        server.resume()
