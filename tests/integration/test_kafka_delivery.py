"""What becomes of Kafka's events beyond an acknowledgement: paused, blocked, dead letters."""

import threading
import uuid

import pytest
from confluent_kafka import Consumer

from support.app import Answer
from support.host import component
from support.wait import holds_for, wait_until


def income(kafka, topic, group, **fields):
    return component("in", "bindings.kafka", {"brokers": kafka.address(), "topics": topic, "consumerGroup": group, "authType": "none",
                                              "direction": "input", "initialOffset": "oldest", **fields})


def records(kafka, topic, count):
    """The first records of a topic: (key, value, headers)."""
    consumer = Consumer({"bootstrap.servers": kafka.address(), "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found = []

    def read():
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append((message.key(), message.value(), dict(message.headers() or [])))
        return len(found) >= count
    try:
        wait_until(read, lambda: f"{count} records in {topic}, there are {found}", 40)
        return found
    finally:
        consumer.close()


@pytest.mark.timeout(90)
def test_a_pause_gives_back_what_does_not_run_and_it_comes_again_in_order(start_host, kafka, app):
    topic = kafka.topic()
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    host = start_host(income(kafka, topic, uuid.uuid4().hex), app=app)
    kafka.produce(topic, *(f"{number}".encode() for number in range(5)))
    app.wait_for(1, "/in")
    assert host.request("POST", "/cleat/v1/components/in/pause").status == 204
    host.wait_for_state("in", lambda state: state.get("state") == "paused", "it is paused")
    gate.set()
    host.wait_for_state("in", lambda state: state.get("unsettled") == 0, "the one that ran is settled, the others went back")
    holds_for(lambda: len(app.requests("/in")) == 1, 1.0, "an event was delivered while it was paused")
    assert host.request("POST", "/cleat/v1/components/in/resume").status == 204
    events = app.wait_for(5, "/in")
    assert [event.body for event in events] == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.timeout(90)
def test_an_event_that_is_refused_becomes_a_record_of_another_topic(start_host, kafka, app):
    topic, dead = kafka.topic(), kafka.topic()
    app.always("/in", lambda request: 422 if request.body == b"bad" else 200)
    host = start_host(
        income(kafka, topic, uuid.uuid4().hex, deadLetter="dlq", deadLetterMetadata='{"key": "{id}"}'),
        component("dlq", "bindings.kafka", {"brokers": kafka.address(), "publishTopic": dead, "authType": "none", "direction": "output"}),
        app=app)
    kafka.produce(topic, b"good", b"bad", b"after it")
    key, value, headers = records(kafka, dead, 1)[0]
    assert (key, value) == (f"{topic}/0@1".encode(), b"bad")
    assert headers["cleat-last-status"] == b"422" and headers["cleat-component"] == b"in"
    app.wait_for(3, "/in")
    host.wait_for_state("in", lambda state: state.get("unsettled") == 0 and state.get("deadLettered") == 1, "all is settled")


@pytest.mark.timeout(90)
def test_a_blocked_event_holds_up_its_partition_until_a_person_decides(start_host, kafka, app):
    topic = kafka.topic(2)
    app.always("/in", lambda request: 500 if request.body == b"poison" else 200)
    host = start_host(income(kafka, topic, uuid.uuid4().hex, maxAttempts=2), app=app)
    kafka.produce(topic, {"value": b"poison", "partition": 0}, {"value": b"behind", "partition": 0}, {"value": b"other", "partition": 1})
    state = host.wait_for_state("in", lambda state: state.get("blocked") == 1 and state.get("acked") == 1, "it is blocked, the other one done")
    assert state["state"] == "degraded"
    assert sum(event.body == b"poison" for event in app.requests("/in")) == 2
    held = host.request("GET", "/cleat/v1/components/in/events").json()["events"]
    assert held[0]["id"] == f"{topic}/0@0" and held[0]["place"] == "blocked"
    assert host.request("POST", f"/cleat/v1/components/in/events/{topic}/0@0/drop").status == 204
    wait_until(lambda: any(event.body == b"behind" for event in app.requests("/in")), "the partition goes on", 20)
