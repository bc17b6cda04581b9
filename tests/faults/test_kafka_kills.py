"""Moments of a real Kafka that random faults do not meet. Faults while events flow are in test_plan.py."""

import threading
import uuid

import pytest

from support.app import Answer
from support.broker import Kafka
from support.host import component
from support.wait import wait_until


def income(kafka, topic, group, **fields):
    return component("in", "bindings.kafka", {"brokers": kafka.address(), "topics": topic, "consumerGroup": group,
                                              "initialOffset": "oldest", "sessionTimeout": "6s", "direction": "input", **fields})


@pytest.fixture(scope="module")
def mortal_kafka(tmp_path_factory):
    broker = Kafka(tmp_path_factory.mktemp("mortal-kafka"))
    yield broker
    broker.stop()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("offset", ["newest", "oldest"])
def test_poison_as_the_first_event_comes_again_after_a_kill(start_host, kafka, app, offset):
    topic, group = kafka.topic(), uuid.uuid4().hex
    app.always("/in", 500)
    host = start_host(income(kafka, topic, group, initialOffset=offset), app=app)
    host.wait_for_state("in", lambda state: "partitions assigned" in str(state), "partitions are assigned")
    kafka.produce(topic, b"poison", b"after it")
    app.wait_for(2, "/in")
    host.kill()
    start_host(income(kafka, topic, group, initialOffset=offset, route="/again"), app=app)
    assert [event.body for event in app.wait_for(2, "/again", deadline=40)] == [b"poison", b"after it"]


@pytest.mark.timeout(180)
def test_a_handler_slower_than_the_poll_interval(start_host, kafka, app):
    """The plugin polls whatever the application does, so a handler that takes longer than max.poll.interval (a minute) and
    the session (6 s) costs neither the partition nor the event."""
    slow = 65
    topic, group = kafka.topic(), uuid.uuid4().hex
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    start_host(income(kafka, topic, group), app=app)
    kafka.produce(topic, b"slow", b"next")
    began = app.wait_for(1, "/in")[0].at
    rival = threading.Timer(slow, gate.set)
    rival.start()
    events = app.wait_for(2, "/in", deadline=slow + 30)
    assert [event.body for event in events] == [b"slow", b"next"]
    assert events[1].at - began >= slow
    rival.join()


@pytest.mark.timeout(120)
def test_a_broker_that_is_killed_while_idle(start_host, mortal_kafka, app):
    topic, group = mortal_kafka.topic(), uuid.uuid4().hex
    host = start_host(income(mortal_kafka, topic, group), app=app)
    mortal_kafka.produce(topic, b"before")
    app.wait_for(1, "/in")
    mortal_kafka.kill()
    host.wait_for_state("in", lambda state: state.get("state") == "degraded", "the broker is missed", 60)
    mortal_kafka.start()
    mortal_kafka.produce(topic, b"after")
    wait_until(lambda: any(event.body == b"after" for event in app.requests("/in")), "events flow again", 60)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("moment", ["assigned", "joining"])
def test_a_stop_beside_a_silent_coordinator(start_host, mortal_kafka, app, moment):
    """Nobody takes the last offset or the good-bye, which the library waits for as long as the host waits for the plugin."""
    topic, group = mortal_kafka.topic(), uuid.uuid4().hex
    host = start_host(income(mortal_kafka, topic, group), app=app)
    mortal_kafka.produce(topic, b"one")
    app.wait_for(1, "/in")
    mortal_kafka.pause()
    try:
        if moment == "joining":
            host.wait_for_message("partitions lost", deadline=60)
        assert host.stop() == 0, host.output[-3000:]
    finally:
        mortal_kafka.resume()
