"""A call becomes a message of RabbitMQ, and succeeds when the broker has it."""

import threading

import pytest

from conformance.cases.rabbitmq import CASE
from conformance.plugin import DEGRADED, DENIED, NOT_FOUND, OK, TIMEOUT, TOO_LARGE, UNAVAILABLE, UP
from support.fixtures import alone, serving
from support.gate import Gate
from support.host import component
from support.servers_rabbitmq import RabbitMq
from support.wait import holds_for, wait_until

server = serving(RabbitMq)
plugin = alone(CASE)


@pytest.fixture
def queue(server):
    return server.make_queue()


def outcome(server, queue, name="out", **fields):
    return component(name, "bindings.rabbitmq", server.fields(queue, direction="output", **fields))


def write(plugin, server, queue, **fields):
    plugin.run(server.fields(queue, **fields), "output")
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"it is connected{plugin.said()}")
    return plugin


# --- what a message is ---


def test_a_message_has_the_metadata_as_properties_and_headers(start_host, server, queue):
    host = start_host(outcome(server, queue)).outbound_ready()
    metadata = {"messageID": "id-1", "correlationID": "c-1", "type": "order", "contentType": "text/csv", "replyTo": "answers",
                "priority": "300", "ttlInSeconds": "60", "color": "é"}
    assert host.create("out", {"a": 1}, **metadata).status == 204
    (method, properties, body), = server.take(queue)
    assert (body, method.exchange, method.routing_key, method.redelivered) == (b'{"a":1}', "", queue, False)
    assert (properties.message_id, properties.correlation_id, properties.type, properties.content_type, properties.reply_to, properties.priority,
            properties.expiration, properties.delivery_mode) == ("id-1", "c-1", "order", "text/csv", "answers", 255, "60000", 2)
    assert metadata.items() <= properties.headers.items()


def test_the_component_says_what_messages_are_that_do_not_say_it(start_host, server, queue):
    host = start_host(outcome(server, queue, contentType="application/xml")).outbound_ready()
    assert host.create("out", "a").status == 204
    assert host.create("out", "b", contentType="text/csv").status == 204
    assert [properties.content_type for _, properties, _ in server.take(queue, 2)] == ["application/xml", "text/csv"]


def test_a_message_without_metadata_is_text_plain(plugin, server, queue):
    write(plugin, server, queue).good("create", bytes(range(256)))
    plugin.good("create", b"")
    (_, properties, body), (_, _, empty) = server.take(queue, 2)
    assert (properties.content_type, properties.message_id, body, empty) == ("text/plain", None, bytes(range(256)), b"")


def test_no_frame_is_larger_than_the_broker_allows(plugin, server, queue):
    server.ctl("eval", "application:set_env(rabbit, frame_max, 8192).")
    try:
        write(plugin, server, queue)
        sent = [b"x" * size for size in (8192, 8184, 20_000, 300_000)]
        for payload in sent:
            plugin.good("create", payload)
    finally:
        server.ctl("eval", "application:set_env(rabbit, frame_max, 131072).")
    assert [body for _, _, body in server.take(queue, len(sent))] == sent


def test_large_messages_are_whole_and_keep_their_order(plugin, server, queue):
    write(plugin, server, queue)
    payloads = [bytes([number]) * (200_000 + number) for number in range(8)]
    calls = [plugin.invoke("create", payload) for payload in payloads]
    assert [plugin.wait(call).status for call in calls] == [OK] * 8
    assert [body for _, _, body in server.take(queue, 8)] == payloads


def test_an_exchange_and_a_key_of_the_request(plugin, server, queue):
    exchange = queue + ".x"
    with server.connect() as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, "topic", durable=True)
        channel.queue_bind(queue, exchange, "eu.*")
    write(plugin, server, queue, exchange=exchange, routingKey="eu.default")
    plugin.good("create", b"0")
    plugin.good("create", b"1", {"routingKey": "eu.new"})
    plugin.good("create", b"2", {"exchange": "", "routingKey": queue})
    assert [(method.exchange, method.routing_key, body) for method, _, body in server.take(queue, 3)] == [
        (exchange, "eu.default", b"0"), (exchange, "eu.new", b"1"), ("", queue, b"2")]


def test_a_queue_is_made_as_it_is_wished(plugin, server, queue):
    name = queue + ".own"
    write(plugin, server, name, queueType="quorum", deadLetterExchange="dead", ttl="60s")
    plugin.good("create", b"x")
    found = wait_until(lambda: next((each for each in server.api("queues") if each["name"] == name), None), "the queue is listed")
    assert (found["type"], found["durable"], found["arguments"]) == (
        "quorum", True, {"x-queue-type": "quorum", "x-dead-letter-exchange": "dead", "x-message-ttl": 60000})


def test_an_exclusive_queue_is_for_one_direction(start_host, server, queue):
    fields = server.fields(queue + ".own", exclusive="true")
    host = start_host(component("both", "bindings.rabbitmq", fields), options=["--dapr-http-port", "0"])
    reply = host.ready().create("both", "x")
    assert reply.status >= 400, reply
    host.wait_for_message("exclusive")


# --- what is not true is no success ---


def test_what_no_queue_takes_is_an_error(start_host, server, queue):
    host = start_host(outcome(server, queue), outcome(server, queue, "careless", mandatory="false")).outbound_ready()
    reply = host.create("out", "x", routingKey="nobody")
    assert reply.status == 500 and "routing key 'nobody'" in reply.text and "NO_ROUTE" in reply.text and reply.headers["cleat-status"] == "NOT_FOUND"
    reply = host.create("out", "x", exchange="amq.topic", routingKey="nobody.here")
    assert "exchange 'amq.topic'" in reply.text and "NO_ROUTE" in reply.text
    assert host.create("out", "x").status == 204
    assert host.create("careless", "x", routingKey="nobody").status == 204


def test_a_full_queue_is_no_success(plugin, server):
    """The broker says no, so that another attempt is safe."""
    name = server.make_queue(x_max_length=1, x_overflow="reject-publish")
    write(plugin, server, name, declare="false")
    plugin.good("create", b"fits")
    done = plugin.call("create", b"does not")
    assert done.status == UNAVAILABLE and done.retryable and "could not take the message" in done.text, done
    assert [body for _, _, body in server.take_all(name)] == [b"fits"]
    plugin.good("create", b"fits again")


def test_an_unroutable_one_is_told_among_many(plugin, server, queue):
    write(plugin, server, queue)
    plugin.good("create", b"first")
    calls = {number: plugin.invoke("create", b"%d" % number, {"routingKey": "nobody" if number % 10 == 3 else queue}) for number in range(100)}
    statuses = {number: plugin.wait(call).status for number, call in calls.items()}
    assert statuses == {number: NOT_FOUND if number % 10 == 3 else OK for number in range(100)}


def test_a_call_that_the_broker_refuses_harms_no_other(plugin, server, queue):
    """An exchange that is not there, one that is not allowed, what the broker does not understand: they close the channel."""
    write(plugin, server, queue)
    plugin.good("create", b"first")
    refused = {"nowhere": {"exchange": "nowhere"}, "CC": {"CC": "not a list"}, "direct": {"replyTo": "amq.rabbitmq.reply-to"}}
    bad = {}
    good = []
    for number in range(60):
        good.append(plugin.invoke("create", b"%d" % number))
        if number % 20 == 10:
            bad.update({(number, name): plugin.invoke("create", b"x" * 100_000, metadata) for name, metadata in refused.items()})
    assert [plugin.wait(call).status for call in good] == [OK] * 60
    for (_, name), call in bad.items():
        done = plugin.wait(call)
        assert not done.retryable, done
        if name == "nowhere":
            assert done.status == NOT_FOUND and "no exchange 'nowhere'" in done.text, done
        else:
            assert "406" in done.text, done
    assert plugin.health()[0] == UP and "RabbitMQ at" not in plugin.said()
    assert len(server.take_all(queue)) == 61


def test_an_exchange_that_is_not_allowed(plugin, server, queue):
    server.ctl("add_user", "bob", "bob-secret")
    server.ctl("set_permissions", "bob", ".*", "^(?!amq\\.topic).*", ".*")
    write(plugin, server, queue, host=server.uri("bob", "bob-secret"))
    done = plugin.call("create", b"x", {"exchange": "amq.topic", "routingKey": "k"})
    assert done.status == DENIED and "ACCESS_REFUSED" in done.text and "amq.topic" in done.text, done
    plugin.good("create", b"y")


def test_metadata_that_no_frame_holds(plugin, server, queue):
    write(plugin, server, queue)
    done = plugin.call("create", b"x", {f"name{number}": "v" * 1000 for number in range(140)})
    assert done.status == TOO_LARGE, done
    plugin.good("create", b"y", {f"name{number}": "v" * 1000 for number in range(100)})


def test_an_odd_ttl_or_name(plugin, server, queue):
    write(plugin, server, queue)
    assert "failed to get TTL" in plugin.call("create", b"x", {"ttlInSeconds": "soon"}).text
    assert "255 bytes" in plugin.call("create", b"x", {"messageID": "m" * 256}).text
    plugin.good("create", b"y", {"messageID": "m" * 255})


# --- a broker that goes, or does not listen; a host that goes ---


def test_every_success_is_in_the_queue_when_the_host_is_killed(start_host, server, queue):
    host = start_host(outcome(server, queue)).outbound_ready()
    done = []

    def publish(worker):
        try:
            for number in range(5000):
                if host.create("out", f"{worker}-{number}").status == 204:
                    done.append(b'"%d-%d"' % (worker, number))
        except OSError:
            pass  # the host is gone
    threads = [threading.Thread(target=publish, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(done) > 200, "some messages")
    host.kill()
    for thread in threads:
        thread.join()
    assert set(done) <= {body for _, _, body in server.take_all(queue)}


def test_every_success_is_in_the_queue_when_the_broker_is_killed(plugin, server, queue):
    write(plugin, server, queue)
    done, stop = {}, threading.Event()

    def publish():
        number = 0
        while not stop.is_set():
            done[b"%d" % number] = plugin.call("create", b"%d" % number, limit=5.0)
            number += 1
    thread = threading.Thread(target=publish)
    thread.start()
    wait_until(lambda: len(done) > 300, "some messages")
    server.remember_queues()
    server.kill()
    wait_until(lambda: any(each.status == UNAVAILABLE and each.retryable for each in list(done.values())), "calls fail at once")
    server.start()
    before = max(map(int, list(done)))
    wait_until(lambda: any(each.status == OK and int(body) > before for body, each in list(done.items())), "calls succeed again")
    stop.set()
    thread.join()
    confirmed = {body for body, each in done.items() if each.status == OK}
    assert confirmed <= {body for _, _, body in server.take_all(queue)}
    for each in done.values():
        assert each.status == OK or each.retryable != ("may have it" in each.text), each


def test_a_broker_short_of_memory_keeps_callers_waiting_and_says_so(plugin, server, queue):
    write(plugin, server, queue)
    plugin.good("create", b"before")
    server.memory_alarm(True)
    try:
        # The broker says that it is blocked when it reads a message.
        sent = []
        wait_until(lambda: sent.append(plugin.invoke("create", b"on its way", limit=60.0)) or plugin.health()[0] == DEGRADED,
                   lambda: f"it is degraded{plugin.said()}")
        assert "memory" in plugin.health()[1]
        late = plugin.call("create", b"never sent", limit=0.5)
        assert late.status == TIMEOUT and late.retryable and "takes no messages" in late.text, late
        waits = plugin.invoke("create", b"patient", limit=60.0)
    finally:
        server.memory_alarm(False)
    assert {plugin.wait(call).status for call in (*sent, waits)} == {OK}
    wait_until(lambda: plugin.health()[0] == UP, "it is well again")
    assert [body for _, _, body in server.take_all(queue)] == [b"before", *[b"on its way"] * len(sent), b"patient"]


def test_input_goes_on_while_output_is_blocked(start_host, server, queue, app):
    other = server.make_queue()
    host = start_host(component("both", "bindings.rabbitmq", server.fields(queue)), app=app).outbound_ready()
    server.wait_for_consumers(queue)
    gate = threading.Event()
    app.always("/both", lambda _: gate.wait() and 200)
    server.publish(queue, *(b"%d" % number for number in range(20)))
    app.wait_for(20, "/both")
    server.memory_alarm(True)
    try:
        def publish():
            while host.create("both", "x", routingKey=other).status == 204 and not gate.is_set():
                pass
        threading.Thread(target=publish).start()
        host.wait_for_state("both", lambda state: "takes no messages" in str(state), "it is blocked")
        gate.set()
        server.wait_until_all_is_done(queue)
    finally:
        server.memory_alarm(False)
    wait_until(lambda: host.create("both", "y", routingKey=other).status == 204, "output goes on")


def test_a_silent_broker_holds_no_call(plugin, server, queue):
    """Also one in the middle of a large message, whose bytes are given back at the end of its time."""
    gate = Gate(server.port("amqp"))
    write(plugin, server, queue, host=server.uri(port=gate.port))
    plugin.good("create", b"before")
    gate.flow("hold")
    calls = [plugin.invoke("create", b"%d" % number * 100_000, limit=0.7) for number in range(10)]
    calls += [plugin.invoke("create", b"x" * 3_000_000, limit=0.7) for _ in range(6)]
    done = [plugin.wait(call) for call in calls]
    assert {each.status for each in done} == {TIMEOUT} and max(each.took for each in done) < 5
    assert all(each.retryable != ("may have it" in each.text) for each in done)
    gate.flow()
    plugin.good("create", b"after")
    bodies = [body for _, _, body in server.take_all(queue)]
    assert bodies[0] == b"before" and bodies[-1] == b"after" and all(len(body) in (100_000, 200_000, 3_000_000) for body in bodies[1:-1])
    gate.close()


def test_calls_in_a_pause_of_the_connection_fail_at_once(plugin, server, queue):
    gate = Gate(server.port("amqp"))
    write(plugin, server, queue, host=server.uri(port=gate.port))
    gate.flow("refuse")
    gate.cut()
    wait_until(lambda: plugin.call("create", b"x").status == UNAVAILABLE, "it is noticed")
    done = plugin.call("create", b"x", limit=60)
    assert done.retryable and done.took < 10 and "RabbitMQ at 127.0.0.1" in done.text
    gate.flow()
    wait_until(lambda: plugin.call("create", b"x").status == OK, "it is back")
    gate.close()


def test_a_connection_that_an_operator_closes(plugin, server, queue):
    write(plugin, server, queue)
    plugin.good("create", b"0")
    server.ctl("close_all_connections", "maintenance")
    wait_until(lambda: "maintenance" in plugin.said(), lambda: f"it says why{plugin.said()}")
    wait_until(lambda: plugin.call("create", b"1").status == OK, "it is back")


def test_a_stop_waits_for_confirms(plugin, server, queue):
    write(plugin, server, queue)
    calls = [plugin.invoke("create", b"%d" % number) for number in range(500)]
    plugin.stop()
    assert [plugin.wait(call).status for call in calls] == [OK] * 500
    assert len(server.take_all(queue)) == 500
    plugin.stop = lambda: None


# --- who we are ---


def test_a_wrong_password(start_host, server, queue):
    host = start_host(outcome(server, queue, host=server.uri(password="top-secret")))
    reply = wait_until(lambda: (got := host.ready().create("out", "x")).headers.get("cleat-status") == "UNAUTHENTICATED" and got, "the refusal")
    assert "ACCESS_REFUSED" in reply.text and "top-secret" not in reply.text and "top-secret" not in host.output


def test_a_vhost_that_is_not_there(plugin, server, queue):
    plugin.run(server.fields(queue, host=server.uri(vhost="nowhere")), "output")
    wait_until(lambda: "vhost nowhere" in plugin.health()[1], lambda: f"what is wrong{plugin.said()}")
    assert plugin.call("create", b"x").status == DENIED


TLS = {
    "ca": lambda server: {"caCert": server.tls("ca.pem")},
    "ca and a certificate": lambda server: {"caCert": server.tls("ca.pem"), "clientCert": server.tls("client.crt"), "clientKey": server.tls("client.key")},
    "a certificate, unchecked": lambda server: {"insecureSkipTLSVerify": "true", "clientCert": server.tls("client.crt"), "clientKey": server.tls("client.key")},
    "nothing, unchecked": lambda server: {"insecureSkipTLSVerify": "true"},
}


@pytest.mark.parametrize("subset", TLS)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls(plugin, server, queue, subset, host):
    write(plugin, server, queue, host=server.uri(scheme="amqps", host=host), **TLS[subset](server))
    plugin.good("create", b"x" * 300_000)
    assert server.take(queue)[0][2] == b"x" * 300_000


def test_tls_that_nobody_vouches_for(plugin, server, queue):
    plugin.run(server.fields(queue, host=server.uri(scheme="amqps", host="localhost")), "output")
    wait_until(lambda: "certificate verify failed" in plugin.health()[1], lambda: f"what is wrong{plugin.said()}")


def test_tls_of_another_host(plugin, server, queue):
    """The certificate is for localhost and 127.0.0.1."""
    plugin.run(server.fields(queue, host=server.uri(scheme="amqps", host="127.0.0.2"), caCert=server.tls("ca.pem")), "output")
    wait_until(lambda: plugin.health()[1], "it tries")
    assert plugin.call("create", b"x").status == UNAVAILABLE


@pytest.mark.parametrize("fields, said", [
    ({"clientCert": "client.crt"}, "clientKey: is missing"),
    ({"clientKey": "client.key"}, "clientCert: is missing"),
    ({"caCert": None}, "caCert: expected PEM"),
])
def test_tls_that_is_not_complete(plugin, server, queue, fields, said):
    given = {name: "/etc/ssl/ca.pem" if file is None else server.tls(file) for name, file in fields.items()}
    assert plugin.use(server.fields(queue, host=server.uri(scheme="amqps"), **given), "output").status == OK
    plugin.create()
    reply = plugin.init()
    assert said in reply.text, reply
    plugin.stop = lambda: None


def test_a_ping(plugin, server, queue):
    write(plugin, server, queue)
    assert plugin.ping().status == OK
    server.pause()
    try:
        assert plugin.ping(0.5).status == TIMEOUT
        holds_for(lambda: plugin.health()[0] == UP, 0.2, "a pause of a second is no end")
    finally:
        server.resume()
    wait_until(lambda: plugin.ping().status == OK, "it answers again")
