"""kill -9 of application, host and broker while numbered events flow out of a real Kafka."""

import threading
import uuid

import pytest

from support.app import Answer
from support.broker import Kafka
from support.host import component
from support.ledger import LedgerApplication
from support.wait import wait_until

EVENTS = 20_000
PARTITIONS = 8


def income(kafka, topic, group, **fields):
    return component("in", "bindings.kafka", {"brokers": kafka.address(), "topics": topic, "consumerGroup": group,
                                              "initialOffset": "oldest", "sessionTimeout": "6s", "direction": "input", **fields})


@pytest.fixture(scope="module")
def mortal_kafka(tmp_path_factory):
    broker = Kafka(tmp_path_factory.mktemp("mortal-kafka"))
    yield broker
    broker.stop()


@pytest.mark.timeout(240)
def test_none_is_missing_and_order_is_kept(start_host, mortal_kafka, tmp_path, chance):
    topic, group = mortal_kafka.topic(PARTITIONS), uuid.uuid4().hex
    mortal_kafka.produce(topic, *({"value": b'{"n":%d,"lane":%d}' % (number, number % PARTITIONS), "partition": number % PARTITIONS}
                                  for number in range(1, EVENTS + 1)))
    text = income(mortal_kafka, topic, group)
    app = LedgerApplication(tmp_path, chance.random(), 0.01)
    victims = ["app", "app", "app", "host", "host", "host", "broker"]
    chance.shuffle(victims)
    try:
        host = start_host(text, app=app.port)
        for at, victim in zip(sorted(chance.sample(range(EVENTS // 50, EVENTS * 8 // 10), len(victims))), victims):
            app.wait_for(at, 60, f"before {victim} is killed; the host said:\n{host.output[-3000:]}")
            print(f"{len(app.seen)} events: kill -9 {victim}")
            if victim == "app":
                app.kill()
                app.start()
            elif victim == "host":
                host.kill()
                host = start_host(text, app=app.port)
            else:
                mortal_kafka.kill()
                mortal_kafka.start()
        app.wait_for(EVENTS, 90, f"at the end; the host said:\n{host.output[-3000:]}")
        app.check(EVENTS)
        print(f"{app.lines - EVENTS} of {EVENTS} were delivered more than once")
    finally:
        app.close()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("offset", ["newest", "oldest"])
def test_poison_as_the_first_event_comes_again_after_a_kill(start_host, kafka, app, offset):
    topic, group = kafka.topic(), uuid.uuid4().hex
    app.always("/in", 500)
    text = income(kafka, topic, group, initialOffset=offset)
    host = start_host(text, app=app)
    host.wait_for_state("in", lambda state: "partitions assigned" in str(state), "partitions are assigned")
    kafka.produce(topic, b"poison", b"after it")
    app.wait_for(2, "/in")
    host.kill()
    count = len(app.requests("/in"))
    app.always("/in", 200)
    start_host(text, app=app)
    assert [event.body for event in app.wait_for(count + 2, "/in", deadline=40)[count:]] == [b"poison", b"after it"]


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
