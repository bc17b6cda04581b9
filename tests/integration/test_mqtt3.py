"""MQTT messages become POSTs and are acknowledged after the answer; calls become messages. The judge is paho-mqtt."""

import re
import threading
import uuid

import pytest

from support.app import Answer
from support.fixtures import serving
from support.gate import Gate
from support.servers_mqtt import VERSIONS, Client, Mosquitto, income, outcome, save, subscribed
from support.wait import holds_for, wait_until

EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)

broker = serving(Mosquitto)


@pytest.fixture
def topic():
    return f"t-{uuid.uuid4().hex[:10]}"


def bodies(app, path="/in"):
    return [event.body for event in app.requests(path)]


# --- input ---

@EACH_VERSION
def test_a_message_becomes_a_post(start_host, broker, app, topic, version):
    subscribed(start_host(income(broker, topic, version), app=app))
    payloads = [b'{"a": 1}\n', b"", bytes(range(256)), b"x" * 3_000_000]
    broker.publish(topic, *payloads, version=version)
    events = app.wait_for(4, "/in")
    assert sorted(event.body for event in events) == sorted(payloads)
    assert events[0].header("topic") == topic and events[0].header("qos") == "1" and events[0].header("retained") == "false"
    assert events[0].header("content-type") == "application/json"
    assert len({event.header("cleat-event-id") for event in events}) == 4


def test_properties_of_mqtt_5_become_headers(start_host, broker, app, topic):
    subscribed(start_host(income(broker, topic), app=app))
    broker.publish(topic, b"x", properties={"ContentType": "text/plain", "ResponseTopic": "re/ply", "CorrelationData": b"id-1",
                                            "UserProperty": [("colour", "blue"), ("topic", "forged"), ("cleat-attempt", "99")]})
    event = app.wait_for(1, "/in")[0]
    assert event.header("cleat-content-type") == "text/plain"
    assert event.header("responsetopic") == "re/ply" and event.header("correlationdata") == "id-1" and event.header("colour") == "blue"
    assert event.header("topic") == topic and event.header("cleat-attempt") == "1"


@EACH_VERSION
def test_wildcards_and_the_actual_topic(start_host, broker, app, topic, version):
    subscribed(start_host(income(broker, f"{topic}/+/b/#", version), app=app))
    for name in ("1/b", "2/b/c/d", "3/x"):
        broker.publish(f"{topic}/{name}", name.encode())
    broker.publish(f"{topic}/4/b", b"last")
    assert sorted(event.header("topic") for event in app.wait_for(3, "/in")) == [f"{topic}/{name}" for name in ("1/b", "2/b/c/d", "4/b")]


@EACH_VERSION
def test_replicas_share_a_subscription(start_host, broker, app, topic, version):
    for replica in ("one", "two"):
        subscribed(start_host(income(broker, f"$share/group/{topic}", version, consumerID=f"{topic}-{replica}", name=replica), app=app), replica)
    sent = [b"%d" % number for number in range(100)]
    broker.publish(topic, *sent)
    wait_until(lambda: len(bodies(app, "/one")) + len(bodies(app, "/two")) >= 100, "all messages")
    assert sorted(bodies(app, "/one") + bodies(app, "/two")) == sorted(sent)
    assert bodies(app, "/one") and bodies(app, "/two")


@EACH_VERSION
def test_acknowledgements_follow_the_answers_in_order(start_host, broker, app, topic, version):
    first = threading.Event()
    app.always("/in", lambda event: Answer(200, gate=first) if event.body == b"0" else 200)
    subscribed(start_host(income(broker, topic, version), app=app))

    def acknowledged():
        return [int(number) for number in re.findall(rf"Received PUBACK from {topic}-consumer \(Mid: (\d+)", broker.log())]
    broker.publish(topic, *[b"%d" % number for number in range(10)])
    app.wait_for(10, "/in")
    holds_for(lambda: acknowledged() == [], 0.3, "a later message was acknowledged before the first")
    first.set()
    wait_until(lambda: len(acknowledged()) == 10, "all acknowledgements")
    assert acknowledged() == sorted(acknowledged())


@EACH_VERSION
def test_what_comes_while_the_host_is_down_is_kept(start_host, broker, app, topic, version):
    host = start_host(income(broker, topic, version), app=app)
    subscribed(host)
    assert host.stop() == 0
    broker.publish(topic, b"1", b"2", b"3")
    start_host(income(broker, topic, version), app=app)
    assert sorted(event.body for event in app.wait_for(3, "/in")) == [b"1", b"2", b"3"]


@EACH_VERSION
def test_kill_9_of_the_host_between_delivery_and_settlement(start_host, broker, app, topic, version):
    """What was not answered is still the broker's, and nothing else is: paho-mqtt, which acknowledges by hand too, looks."""
    never = threading.Event()
    app.always("/in", lambda event: 200 if int(event.body) < 3 else Answer(200, gate=never))
    host = start_host(income(broker, topic, version), app=app)
    subscribed(host)
    broker.publish(topic, *[b"%d" % number for number in range(6)])
    app.wait_for(6, "/in")
    wait_until(lambda: host.state("in").get("acked") == 3, "three are acknowledged")
    wait_until(lambda: broker.log().count(f"Received PUBACK from {topic}-consumer") == 3, "the broker knows it")
    host.kill()
    never.set()
    judge = broker.client(version, name=f"{topic}-consumer", clean=False, expiry=3600, manual=True)
    held = judge.get(3)
    assert [message.payload for message in held] == [b"3", b"4", b"5"] and all(message.dup for message in held)
    judge.ack(held[0])
    judge.drop()
    app.always("/in", 200)
    before = len(bodies(app))
    start_host(income(broker, topic, version), app=app)
    wait_until(lambda: sorted(bodies(app)[before:]) == [b"4", b"5"], lambda: f"what is left: {bodies(app)[before:]}")


@EACH_VERSION
def test_kill_9_of_the_broker_between_delivery_and_settlement(start_host, broker, app, topic, version):
    gate = threading.Event()
    app.always("/in", lambda event: Answer(200, gate=gate))
    host = start_host(income(broker, topic, version), app=app)
    subscribed(host)
    sent = [b"%d" % number for number in range(5)]
    broker.publish(topic, *sent)
    app.wait_for(5, "/in")
    save(broker)
    broker.kill()
    host.wait_for_state("in", lambda state: "MQTT broker" in str(state), "the broker is missed")
    broker.start()
    subscribed(host)
    gate.set()
    wait_until(lambda: host.state("in").get("acked") == 5, "all are done")
    broker.publish(topic, b"afterwards")
    wait_until(lambda: sorted(bodies(app)) == [*sent, b"afterwards"], lambda: f"each message once: {bodies(app)}")
    assert host.stop() == 0
    judge = broker.client(version, name=f"{topic}-consumer", clean=False, expiry=3600, manual=True)
    broker.publish(topic, b"mark")
    assert judge.get().payload == b"mark", "the broker was told of all"
    judge.close()


@EACH_VERSION
def test_nothing_is_lost_while_the_connection_is_cut(start_host, broker, app, topic, version):
    gate = Gate(broker.port())
    try:
        host = start_host(income(broker, topic, version, url=f"tcp://127.0.0.1:{gate.port}"), app=app)
        subscribed(host)
        sent = [b"%d" % number for number in range(400)]
        for part in range(0, 400, 100):
            broker.publish(topic, *sent[part:part + 100])
            wait_until(lambda limit=part + 20: len(set(bodies(app))) >= limit, "some have come")
            gate.cut("rst" if part % 200 else "fin")
        wait_until(lambda: set(bodies(app)) == set(sent), lambda: f"all messages, {len(set(bodies(app)))} are there")
        assert "another client" not in host.output
    finally:
        gate.close()


def test_a_network_that_is_gone_is_noticed(start_host, broker, app, topic):
    gate = Gate(broker.port())
    try:
        host = start_host(income(broker, topic, url=f"tcp://127.0.0.1:{gate.port}", keepAlive="1s"), app=app)
        subscribed(host)
        gate.flow("hold")
        host.wait_for_state("in", lambda state: "did not answer a PINGREQ" in str(state), "the silence is noticed")
        gate.cut()
        gate.flow()
        subscribed(host)
    finally:
        gate.close()


@EACH_VERSION
def test_a_retained_message_does_not_come_with_each_connection(start_host, broker, app, topic, version):
    gate = Gate(broker.port())
    try:
        broker.publish(topic, b"kept", retain=True)
        host = start_host(income(broker, topic, version, url=f"tcp://127.0.0.1:{gate.port}"), app=app)
        assert app.wait_for(1, "/in")[0].header("retained") == "true"
        wait_until(lambda: host.state("in").get("acked") == 1, "it is done")
        connections = broker.log().count(f"as {topic}-consumer ")
        gate.cut()
        wait_until(lambda: broker.log().count(f"as {topic}-consumer ") > connections, "connected again")
        subscribed(host)
        broker.publish(topic, b"new")
        wait_until(lambda: len(bodies(app)) >= 2, "the next message")
        assert bodies(app) == [b"kept", b"new"]
    finally:
        gate.close()


def test_a_message_that_holds_up_the_others_is_named(start_host, broker, app, topic):
    gate = threading.Event()
    app.always("/in", lambda event: Answer(200, gate=gate) if event.body == b"slow" else 200)
    host = start_host(income(broker, topic, receiveMaximum=10), app=app)
    subscribed(host)
    broker.publish(topic, b"slow", *[b"%d" % number for number in range(20)])
    state = host.wait_for_state("in", lambda state: state.get("state") == "stalled", "the input is stalled")
    assert topic in str(state["details"]), state
    wait_until(lambda: len(set(bodies(app))) >= 10, "all that the broker sends are with the application")
    holds_for(lambda: len(set(bodies(app))) == 10, 0.3, "more than receiveMaximum are out")
    gate.set()
    wait_until(lambda: len(set(bodies(app))) == 21, "all messages")
    host.wait_for_state("in", lambda state: state.get("state") != "stalled", "the stall is over")


@EACH_VERSION
def test_two_hosts_with_one_id_end_their_fight(start_host, broker, app, topic, version):
    """This Mosquitto does not say that a session was taken over, not even with MQTT 5."""
    hosts = [start_host(income(broker, topic, version), app=app) for _ in range(2)]
    wait_until(lambda: any("it seems that another client" in str(host.state("in")) for host in hosts), "one of them gives in", 60)
    loser = next(host for host in hosts if "it seems that another client" in str(host.state("in")))
    winner = next(host for host in hosts if host is not loser)
    subscribed(winner)
    broker.publish(topic, b"x")
    assert app.wait_for(1, "/in")[0].body == b"x"


# --- output ---

@EACH_VERSION
def test_a_call_becomes_a_message(start_host, broker, topic, version):
    judge = broker.client().subscribe(f"{topic}/#")
    host = start_host(outcome(broker, topic, version)).outbound_ready()
    done = host.create("out", {"a": 1})
    assert (done.status, done.body) == (204, b"")
    message = judge.get()
    assert (message.topic, message.payload, message.qos, message.retain) == (topic, b'{"a":1}', 1, False)
    assert host.create("out", "two", topic=f"{topic}/two", qos="0").status == 204
    message = judge.get()
    assert (message.topic, message.payload, message.qos) == (f"{topic}/two", b'"two"', 0)
    assert host.create("out", "large" * 500_000).status == 204
    assert judge.get().payload == b'"' + b"large" * 500_000 + b'"'
    refused = host.create("out", "x", topic="a/#")
    assert refused.status == 500 and "topic: " in refused.text, refused.text
    judge.close()


@EACH_VERSION
def test_retain_is_the_components_or_the_requests(start_host, broker, topic, version):
    host = start_host(outcome(broker, topic, version, retain="true")).outbound_ready()
    assert host.create("out", 1, topic=f"{topic}/kept").status == 204
    assert host.create("out", 2, topic=f"{topic}/gone", retain="false").status == 204
    judge = broker.client().subscribe(f"{topic}/#")
    message = judge.get()
    assert (message.topic, message.payload, message.retain) == (f"{topic}/kept", b"1", True)
    holds_for(judge.is_empty, 0.3, "the other one is kept too")
    judge.close()


def test_metadata_becomes_properties_of_mqtt_5(start_host, broker, topic):
    judge = broker.client().subscribe(topic)
    host = start_host(outcome(broker, topic)).outbound_ready()
    assert host.create("out", 1, contentType="text/plain", responseTopic="re/ply", correlationData="id-1", ttlInSeconds="600",
                       colour="blue").status == 204
    properties = judge.get().properties
    assert properties.ContentType == "text/plain" and properties.ResponseTopic == "re/ply" and properties.CorrelationData == b"id-1"
    assert 500 < properties.MessageExpiryInterval <= 600 and ("colour", "blue") in properties.UserProperty
    judge.close()


@EACH_VERSION
def test_a_broker_that_comes_back_is_found(start_host, broker, topic, version):
    host = start_host(outcome(broker, topic, version)).outbound_ready()
    assert host.create("out", 1).status == 204
    broker.kill()
    try:
        failed = wait_until(lambda: (lambda done: done if "Connection refused" in done.text else None)(host.create("out", 2)),
                            "a call that says what is wrong")
        assert failed.status == 500 and failed.headers["cleat-status"].lower() == "unavailable", failed
    finally:
        broker.start()
    wait_until(lambda: host.create("out", 3).status == 204, "a call that succeeds again")


def test_a_refused_subscription_is_said(start_host, broker, app, topic):
    host = start_host(income(broker, f"$share/+/{topic}", name="bad"), app=app)
    host.wait_for_message("topic: expected $share/<group>/<topic filter>")


def test_dapr_has_another_name_for_the_type(start_host, broker, app, topic):
    text = income(broker, topic).replace("type: bindings.mqtt3", "type: bindings.mqtt")
    subscribed(start_host(text, app=app))


def test_a_client_that_judges_is_told_the_same(broker, topic):
    """What the tests above rely on: paho-mqtt with manual acknowledgement gets again what it did not acknowledge."""
    first = Client(broker.port(), "3.1.1", name=topic, clean=False, manual=True).subscribe(topic)
    broker.publish(topic, b"a", b"b")
    one, _ = first.get(2)
    first.ack(one)
    first.close()
    second = Client(broker.port(), "3.1.1", name=topic, clean=False, manual=True)
    assert second.get().payload == b"b"
    second.close()
