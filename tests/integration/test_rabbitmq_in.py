"""A message of a RabbitMQ queue becomes a POST, and is acknowledged after the application answered."""

import threading

import pika
import pytest

from support.app import Answer
from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_rabbitmq import RabbitMq
from support.wait import wait_until

server = serving(RabbitMq)


@pytest.fixture
def queue(server):
    return server.make_queue()


def income(server, queue, name="in", **fields):
    return component(name, "bindings.rabbitmq", server.fields(queue, direction="input", **fields))


def reading(server, queue, host, count=1):
    server.wait_for_consumers(queue, count)
    return host


def bodies(app, path="/in"):
    return [request.body for request in app.requests(path)]


# --- what an event is ---


def test_an_event_has_the_properties_and_typed_headers(start_host, server, queue, app):
    reading(server, queue, start_host(income(server, queue), app=app))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"text": "é", "number": 42, "big": 2**40, "yes": True, "list": [1, "two"], "table": {"a": None}, "messageID": "mine",
               "traceparent": trace, "dapr-api-token": "x"}
    server.publish(queue, b"\0\1{}\r\n", headers=headers, message_id="id-1", correlation_id="c-1", content_type="text/csv",
                   content_encoding="gzip", type="order", reply_to="answers", user_id="guest", app_id="shop", timestamp=1700000000, priority=3)
    event = app.wait_for(1, "/in")[0]
    assert event.body == b"\0\1{}\r\n"
    assert {name: event.header(name) for name in ("messageID", "correlationID", "cleat-content-type", "type", "replyTo", "userID", "appID",
                                                  "timestamp", "priority", "routingKey", "redelivered", "cleat-attempt", "dapr-api-token")} == {
        "messageID": "id-1", "correlationID": "c-1", "cleat-content-type": "text/csv", "type": "order", "replyTo": "answers", "userID": "guest",
        "appID": "shop", "timestamp": "1700000000", "priority": "3", "routingKey": queue, "redelivered": "false", "cleat-attempt": "1",
        "dapr-api-token": None}
    assert {name: event.header(name).encode("latin1").decode() for name in ("text", "number", "big", "yes", "list", "table", "cleat-src-messageid")} == {
        "text": "é", "number": "42", "big": str(2**40), "yes": "true", "list": '[1,"two"]', "table": '{"a":null}',
        "cleat-src-messageid": "mine"}
    assert event.header("traceparent").split("-")[1] == trace.split("-")[1]
    server.wait_until_all_is_done(queue)


def test_an_empty_body_and_a_large_one(start_host, server, queue, app):
    large = bytes(range(256)) * 4096
    start_host(income(server, queue), app=app)
    server.publish(queue, b"", large)
    assert sorted(bodies(app, "/in") if app.wait_for(2, "/in") else []) == [b"", large]


def test_through_an_exchange(start_host, server, queue, app):
    """The exchange and the queue are made and bound by the component."""
    name, exchange = queue + ".own", queue + ".x"
    start_host(income(server, name, exchange=exchange, exchangeKind="topic", routingKey="eu.*,us.*"), app=app)
    server.wait_for_consumers(name)
    for key in ("eu.a", "us.b"):
        server.publish(key, key.encode(), exchange=exchange)
    with pytest.raises(pika.exceptions.UnroutableError):
        server.publish("asia.c", b"nowhere", exchange=exchange)
    events = {event.body: event.header("routingKey") for event in app.wait_for(2, "/in")}
    assert events == {b"eu.a": "eu.a", b"us.b": "us.b"}
    assert {event.header("exchange") for event in app.requests("/in")} == {exchange}


# --- at least once ---


def test_a_killed_broker_gives_out_again_what_ran_meanwhile(start_host, server, queue, app):
    gate = threading.Event()
    app.answer("/in", *(Answer(gate=gate) for _ in range(3)))
    host = reading(server, queue, start_host(income(server, queue), app=app))
    server.publish(queue, b"0", b"1", b"2")
    app.wait_for(3, "/in")
    server.remember_queues()
    server.kill()
    host.wait_for_state("in", lambda state: "RabbitMQ at" in str(state), "it says that the broker is gone")
    gate.set()
    server.start()
    server.publish(queue, b"3")
    server.wait_until_all_is_done(queue)
    assert set(bodies(app)) == {b"0", b"1", b"2", b"3"}


def test_nothing_is_lost_when_the_broker_is_killed_under_load(start_host, server, queue, app):
    reading(server, queue, start_host(income(server, queue), app=app))
    server.publish(queue, *(b"%d" % number for number in range(1500)))
    wait_until(lambda: len(app.requests("/in")) > 200, "some events")
    server.remember_queues()
    server.kill()
    server.start()
    server.publish(queue, *(b"%d" % number for number in range(1500, 1600)))
    server.wait_until_all_is_done(queue, 60)
    assert set(bodies(app)) == {b"%d" % number for number in range(1600)}


def test_a_killed_host_had_nothing_of_its_own(start_host, server, queue, app):
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate), of=b"cut")
    host = reading(server, queue, start_host(income(server, queue, maxInFlight="1"), app=app))
    server.publish(queue, b"done", b"cut", b"untouched")
    app.wait_for(2, "/in")
    server.wait_until_it_holds(queue, 2)
    host.kill()
    gate.set()
    start_host(income(server, queue, maxInFlight="1"), app=app)
    server.wait_until_all_is_done(queue)
    assert bodies(app) == [b"done", b"cut", b"cut", b"untouched"]
    assert [event.header("redelivered") for event in app.requests("/in")][:3] == ["false", "false", "true"]


def test_nothing_is_lost_when_the_host_is_killed_under_load(start_host, server, queue, app):
    host = reading(server, queue, start_host(income(server, queue), app=app))
    server.publish(queue, *(b"%d" % number for number in range(1500)))
    wait_until(lambda: len(app.requests("/in")) > 100, "some events")
    host.kill()
    start_host(income(server, queue), app=app)
    server.wait_until_all_is_done(queue, 60)
    assert set(bodies(app)) == {b"%d" % number for number in range(1500)}


def test_a_stop_under_load_gives_back_what_was_not_begun(start_host, server, queue, app):
    """Another host has it at once, and nothing twice."""
    gate = threading.Event()
    app.always("/in", lambda _: Answer(gate=gate))
    host = reading(server, queue, start_host(income(server, queue, maxInFlight="4"), app=app))
    server.publish(queue, *(b"%d" % number for number in range(200)))
    app.wait_for(4, "/in")
    threading.Timer(0.3, gate.set).start()
    assert host.stop() == 0
    app.always("/in", 200)
    start_host(income(server, queue), app=app)
    server.wait_until_all_is_done(queue)
    assert len(set(bodies(app))) == len(bodies(app)) == 200


def test_a_queue_that_is_deleted_under_the_consumer_is_made_again(start_host, server, queue, app):
    exchange = queue + ".x"
    reading(server, queue, start_host(income(server, queue, exchange=exchange, exchangeKind="direct", routingKey="k"), app=app))
    server.publish("k", b"first", exchange=exchange)
    server.wait_until_all_is_done(queue)
    server.delete_queue(queue)
    server.wait_for_consumers(queue)
    server.publish("k", b"second", exchange=exchange)
    server.wait_until_all_is_done(queue)
    assert bodies(app) == [b"first", b"second"]


def test_parallel_handlers_and_poison(start_host, server, queue, app):
    """What fails is held and does not fill the window."""
    app.always("/in", lambda request: 500 if request.body.startswith(b"bad") else 200)
    reading(server, queue, start_host(income(server, queue, maxInFlight="8"), app=app))
    server.publish(queue, *(b"bad %d" % number for number in range(40)), *(b"%d" % number for number in range(100)))
    wait_until(lambda: {b"%d" % number for number in range(100)} <= set(bodies(app)), "all that is good")
    app.always("/in", 200)
    server.wait_until_all_is_done(queue, 60)
    assert len([body for body in bodies(app) if not body.startswith(b"bad")]) == 100


# --- dead letters ---


def test_poison_is_rejected_to_the_dead_letter_exchange(start_host, server, queue, app):
    name = queue + ".own"
    dead = server.make_queue(name + ".dead")
    app.always("/in", lambda request: 422 if request.body == b"bad" else 200)
    start_host(income(server, name, deadLetterExchange="", deadLetterRoutingKey=dead, brokerDeadLetter="true", deadLetter="broker"), app=app)
    server.wait_for_consumers(name)
    server.publish(name, b"good", b"bad", b"fine")
    (_, properties, body), = server.take(dead)
    assert (body, properties.headers["x-death"][0]["reason"]) == (b"bad", "rejected")
    server.wait_until_all_is_done(name)
    assert bodies(app).count(b"bad") == 1


def test_dead_letter_broker_wants_a_dead_letter_exchange(start_host, server, queue, app):
    """A queue without one would drop what is rejected."""
    host = start_host(income(server, queue, deadLetter="broker"), app=app)
    host.wait_for_state("in", lambda state: "brokerDeadLetter: expected true" in str(state), "what is missing")


# --- one after the other ---


def test_strict_order_has_one_reader(start_host, server, queue, app):
    app.answer("/in", 200, 500, 500)
    first = reading(server, queue, start_host(income(server, queue, ordering="strict"), app=app))
    second = start_host(income(server, queue, ordering="strict"), app=app)
    second.wait_for_state("in", lambda state: "exclusive use" in str(state), "it stands by")
    server.publish(queue, *(b"%d" % number for number in range(30)))
    server.wait_until_all_is_done(queue)
    order = [body for body, before in zip(bodies(app), [None, *bodies(app)]) if body != before]
    assert order == [b"%d" % number for number in range(30)]
    assert first.stop() == 0
    server.wait_for_consumers(queue)
    server.publish(queue, b"to the second")
    server.wait_until_all_is_done(queue)
    assert bodies(app)[-1] == b"to the second"


def test_a_single_active_consumer_hands_over(start_host, server, queue, app):
    name = queue + ".sac"
    first = reading(server, name, start_host(income(server, name, ordering="strict", singleActiveConsumer="true", queueType="quorum"), app=app))
    start_host(income(server, name, ordering="strict", singleActiveConsumer="true", queueType="quorum"), app=app)
    wait_until(lambda: server.ctl("list_consumers", "--silent").count(name) == 2, "the second stands by")
    server.publish(name, *(b"%d" % number for number in range(20)))
    app.wait_for(20, "/in")
    first.kill()
    server.publish(name, *(b"%d" % number for number in range(20, 40)))
    server.wait_until_all_is_done(name)
    fresh = list(dict.fromkeys(bodies(app)))
    assert fresh == [b"%d" % number for number in range(40)]


# --- what is missing or wrong ---


def test_a_wrong_password_is_said_and_kept(start_host, server, queue, app):
    host = start_host(income(server, queue, host=server.uri(password="top-secret")), app=app)
    state = host.wait_for_state("in", lambda state: "ACCESS_REFUSED" in str(state), "the refusal")
    assert "top-secret" not in str(state) and "top-secret" not in host.output


def test_several_hosts_are_tried_in_turn(start_host, server, queue, app):
    nobody = Gate(None)
    uris = [server.uri(port=nobody.port), server.uri(vhost="nowhere"), server.uri()]
    host = reading(server, queue, start_host(income(server, queue, host=",".join(uris)), app=app))
    server.publish(queue, b"x")
    app.wait_for(1, "/in")
    assert "guest:guest" not in host.output
    nobody.close()


def test_another_queue_of_the_same_name(start_host, server, queue, app):
    host = start_host(income(server, queue, queueType="quorum"), app=app)
    host.wait_for_state("in", lambda state: "PRECONDITION_FAILED" in str(state) and "declare" in str(state), "what is wrong, and what to do")
    server.delete_queue(queue)
    server.wait_for_consumers(queue)


def test_tls_with_a_ca(start_host, server, queue, app):
    host = server.uri(scheme="amqps", host="localhost")
    reading(server, queue, start_host(income(server, queue, host=host, caCert=server.tls("ca.pem")), app=app))
    server.publish(queue, b"x")
    app.wait_for(1, "/in")


def test_a_paused_broker_is_given_up_and_found_again(start_host, server, queue, app):
    """Nothing comes from it, not even an end: the heartbeat notices."""
    gate = Gate(server.port("amqp"))
    host = reading(server, queue, start_host(income(server, queue, host=server.uri(port=gate.port) + "?heartbeat=2"), app=app))
    gate.flow("hold")
    host.wait_for_state("in", lambda state: "heartbeat" in str(state), "it is given up", 45)
    gate.cut()
    gate.flow()
    server.publish(queue, b"x")
    app.wait_for(1, "/in")
    gate.close()
