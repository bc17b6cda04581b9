"""A Kafka record becomes a POST, and is committed after the application answered."""

import threading
import urllib.parse
import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from support.app import Answer
from support.host import component
from support.wait import holds_for, wait_until


def income(kafka, topic, name="in", group=None, **fields):
    fields = {"brokers": kafka.address(), "topics": topic, "consumerGroup": group or uuid.uuid4().hex, "authType": "none",
              "direction": "input", "initialOffset": "oldest", **fields}
    return component(name, "bindings.kafka", {key: value for key, value in fields.items() if value is not None})


def committed(kafka, group, topic, partition=0):
    """The group's committed offset; None when there is none."""
    consumer = Consumer({"bootstrap.servers": kafka.address(), "group.id": group})
    try:
        offset = consumer.committed([TopicPartition(topic, partition)], timeout=30)[0].offset
        return offset if offset >= 0 else None
    finally:
        consumer.close()


def records_with(app, body):
    """The different records of this body that were posted: places, and not how often, which a rebalance adds to."""
    return {(event.header("__partition"), event.header("__offset")) for event in app.requests("/in") if event.body == body}


def test_the_flask_page_from_2019(start_host, kafka, app):
    topic = kafka.topic(name=None)
    text = ("kind: Component\nname: kafkaevent\ntype: bindings.kafka\nmetadata:\n"
            f'- {{ name: brokers,       value: "http://{kafka.address()}" }}\n- {{ name: topics,        value: "{topic}" }}\n'
            '- { name: publishTopic,  value: "someTopic2" }\n- { name: consumerGroup, value: "group1" }\n')
    app.always("/kafkaevent", 405, method="OPTIONS")
    app.always("/kafkaevent", Answer(200, b"Kafka Event Processed!"))
    host = start_host(text, app=app).ready()
    host.wait_for_state("kafkaevent", lambda state: "partitions assigned" in str(state), "partitions are assigned")
    kafka.produce(topic, b'{"hello": "from kafka"}')
    event = app.wait_for(1, "/kafkaevent")[0]
    assert event.body == b'{"hello": "from kafka"}'
    wait_until(lambda: committed(kafka, "group1", topic) == 1, "the event's offset is committed")


def test_an_event_has_the_record_and_its_metadata(start_host, kafka, app):
    topic = kafka.topic()
    start_host(income(kafka, topic), app=app)
    kafka.produce(topic, {"value": b'{"a": 1}\n', "key": b"k", "timestamp": 1700000000123,
                          "headers": [("Foo", b"bar"), ("x-bin", b"y"), ("Content-Type", b"text/plain"), ("dapr-api-token", b"stolen"),
                                      ("cleat-attempt", b"99"), ("Content-Length", b"1"), ("host", b"evil")]})
    event = app.wait_for(1, "/in")[0]
    assert event.body == b'{"a": 1}\n'
    assert event.header("content-type") == "application/json"
    assert event.header("content-length") == "9"
    assert event.header("foo") == "bar"
    assert event.header("dapr-api-token") is None
    assert event.header("cleat-attempt") != "99"
    assert event.header("host") != "evil"
    assert {name: event.header(name) for name in ("__key", "__topic", "__partition", "__offset", "__timestamp")} == {
        "__key": "k", "__topic": topic, "__partition": "0", "__offset": "0", "__timestamp": "1700000000123"}


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
def test_vector_14(start_host, kafka, app, options):
    topic = kafka.topic()
    start_host(income(kafka, topic), app=app, options=options)
    kafka.produce(topic, {"value": b"1", "headers": [("Foo", b"bar"), ("x-bin", b"y"), ("Content-Type", b"text/plain")]})
    event = app.wait_for(1, "/in")[0]
    assert event.header("foo") == "bar" and event.header("content-type") == "application/json"
    if options:
        assert event.header("x-bin") is None


def test_the_plugin_beats_a_header_of_the_message(start_host, kafka, app):
    topic = kafka.topic()
    start_host(income(kafka, topic), app=app)
    kafka.produce(topic, {"value": b"1", "headers": [("__offset", b"777")]})
    event = app.wait_for(1, "/in")[0]
    assert event.header("__offset") == "0"
    assert event.header("cleat-src-__offset") == "777" or event.header("cleat-src-offset") == "777"


def test_values_that_are_no_header_arrive_all_the_same(start_host, kafka, app):
    topic = kafka.topic()
    start_host(income(kafka, topic), app=app)
    kafka.produce(topic, {"value": b"1", "key": b"a\r\nb: c", "headers": [("bad name", b"x"), ("crlf", b"1\r\nevil: 2")]}, b"2")
    events = app.wait_for(2, "/in")
    assert [event.body for event in events[:2]] == [b"1", b"2"]
    assert events[0].header("evil") is None and events[0].header("b") is None


def test_a_tombstone_and_an_empty_record(start_host, kafka, app):
    topic = kafka.topic()
    start_host(income(kafka, topic), app=app)
    kafka.produce(topic, {"value": None, "key": b"k"}, {"value": b"", "key": b"k"})
    assert [event.body for event in app.wait_for(2, "/in")] == [b"null", b""]


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches(start_host, kafka, app, compression):
    from confluent_kafka import Producer

    topic = kafka.topic()
    producer = Producer({"bootstrap.servers": kafka.address(), "compression.type": compression, "linger.ms": 50})
    for number in range(100):
        producer.produce(topic, b'{"n": %d, "text": "%s"}' % (number, b"same " * 100))
    assert producer.flush(30) == 0
    start_host(income(kafka, topic), app=app)
    assert len({event.body for event in app.wait_for(100, "/in")}) == 100


def test_the_marks_of_transactions_are_passed(start_host, kafka, app):
    """Behind the last record of a transaction stands its mark: a group that stops before it finds its offset gone one day."""
    from confluent_kafka import Producer

    topic, group = kafka.topic(), uuid.uuid4().hex
    producer = Producer({"bootstrap.servers": kafka.address(), "transactional.id": topic})
    producer.init_transactions(30)
    for value in (b"kept", b"aborted"):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(30)
        (producer.commit_transaction if value == b"kept" else producer.abort_transaction)(30)
    start_host(income(kafka, topic, consumerGroup=group), app=app)
    assert app.wait_for(1, "/in")[0].body == b"kept"
    reader = Consumer({"bootstrap.servers": kafka.address(), "group.id": uuid.uuid4().hex})
    _, end = reader.get_watermark_offsets(TopicPartition(topic, 0), 30)
    reader.close()
    assert end == 4
    wait_until(lambda: kafka.committed(group, topic) == {0: end}, lambda: f"the offset {end}, it is {kafka.committed(group, topic)}")
    assert len(app.requests("/in")) == 1


def test_a_record_that_fails_is_attempted_again_and_holds_only_its_partition(start_host, kafka, app):
    topic, group = kafka.topic(2), uuid.uuid4().hex
    app.always("/in", lambda request: 500 if request.body == b"poison" else 200)
    host = start_host(income(kafka, topic, group=group), app=app)
    kafka.produce(topic, {"value": b"poison", "partition": 0}, *({"value": b"p0", "partition": 0} for _ in range(20)),
                  *({"value": b"p1", "partition": 1} for _ in range(500)))
    wait_until(lambda: len(records_with(app, b"p1")) == 500, "the other partition is done")
    wait_until(lambda: len([event for event in app.requests("/in") if event.body == b"poison"]) >= 3, "poison is attempted again")
    assert not records_with(app, b"p0")
    wait_until(lambda: committed(kafka, group, topic, 1) == 500, "the other partition is committed")
    assert committed(kafka, group, topic, 0) in (None, 0)
    state = host.state("in")
    assert topic in state["oldestUnsettled"] and state["state"] == "degraded", state
    app.always("/in", 200)
    wait_until(lambda: len(records_with(app, b"p0")) == 20, "the partition goes on")
    wait_until(lambda: committed(kafka, group, topic, 0) == 21, "and is committed")


def test_newest_begins_at_the_end_and_its_start_is_committed(start_host, kafka, app):
    topic, group = kafka.topic(), uuid.uuid4().hex
    kafka.produce(topic, b"old 1", b"old 2")
    host = start_host(income(kafka, topic, group=group, initialOffset="newest"), app=app)
    host.wait_for_state("in", lambda state: "partitions assigned" in str(state), "partitions are assigned")
    wait_until(lambda: committed(kafka, group, topic) == 2, "the resolved start is committed before anything is delivered")
    kafka.produce(topic, b"new")
    assert app.wait_for(1, "/in")[0].body == b"new"
    assert len(app.requests("/in")) == 1


def test_several_topics(start_host, kafka, app):
    topics = [kafka.topic() for _ in range(3)]
    start_host(income(kafka, ",".join(topics)), app=app)
    for topic in topics:
        kafka.produce(topic, topic.encode())
    assert {event.body.decode() for event in app.wait_for(3, "/in")} == set(topics)


def test_an_application_that_says_no_takes_no_partition(start_host, kafka, app):
    topic, group = kafka.topic(), uuid.uuid4().hex
    kafka.produce(topic, b"1")
    app.always("/in", 404, method="OPTIONS")
    host = start_host(income(kafka, topic, group=group, direction=None, publishTopic=topic), app=app).ready()
    host.wait_for_message("app has not subscribed to binding in.")
    start_host(income(kafka, topic, name="other", group=group), app=app)
    app.wait_for(1, "/other")
    assert not app.requests("/in")


@pytest.mark.timeout(90)
def test_two_hosts_share_a_topic_and_lose_nothing_when_one_leaves(start_host, kafka, app):
    topic, group, partitions = kafka.topic(4), uuid.uuid4().hex, 4
    first = start_host(income(kafka, topic, name="first", group=group, sessionTimeout="6s"), app=app)
    first.wait_for_state("first", lambda state: "partitions assigned" in str(state), "partitions are assigned")
    second = start_host(income(kafka, topic, name="second", group=group, sessionTimeout="6s"), app=app)
    second.wait_for_state("second", lambda state: "partitions assigned" in str(state), "partitions are assigned")
    sent = 0

    def send(count):
        nonlocal sent
        kafka.produce(topic, *({"value": b'{"n": %d}' % (sent + each), "partition": (sent + each) % partitions} for each in range(count)))
        sent += count

    def taken():
        return {event.body for event in app.requests()}

    send(400)
    wait_until(lambda: app.requests("/first") and app.requests("/second"), "both hosts get events", 40)
    send(400)
    assert second.stop() == 0
    send(400)
    wait_until(lambda: len(taken()) == sent, lambda: f"{sent} events, there are {len(taken())}", 40)
    # A host that stops well hands over what it committed: nothing twice but what it was working on.
    assert len(app.requests()) <= sent + 200


@pytest.mark.timeout(90)
def test_a_slow_handler_never_costs_the_membership(start_host, kafka, app):
    topic, group = kafka.topic(), uuid.uuid4().hex
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    host = start_host(income(kafka, topic, group=group, sessionTimeout="6s", heartbeatInterval="1s"), app=app)
    kafka.produce(topic, b"slow", b"next")
    app.wait_for(1, "/in")
    holds_for(lambda: len(app.requests("/in")) == 1, 10, "the event was delivered again while its handler ran")
    assert "partitions assigned" in str(host.state("in"))
    gate.set()
    assert [event.body for event in app.wait_for(2, "/in")] == [b"slow", b"next"]
    wait_until(lambda: committed(kafka, group, topic) == 2, "both are committed")


@pytest.mark.timeout(90)
def test_a_partition_past_max_uncommitted_is_stalled_until_a_person_decides(start_host, kafka, app):
    topic, group = kafka.topic(2), uuid.uuid4().hex
    app.always("/in", lambda request: 500 if request.body == b"poison" else 200)
    host = start_host(income(kafka, topic, group=group, maxUncommitted=3, ordering="none"), app=app)
    kafka.produce(topic, {"value": b"poison", "partition": 0}, *({"value": b"p0", "partition": 0} for _ in range(10)))
    state = host.wait_for_state("in", lambda state: state["state"] == "stalled", "stalled")
    assert f"{topic}/0 is not read further: the record at offset 0 is not settled, and maxUncommitted (3)" in state["reason"], state
    kafka.produce(topic, *({"value": b"p1", "partition": 1} for _ in range(50)))
    wait_until(lambda: committed(kafka, group, topic, 1) == 50, "the other partition flows")
    assert host.state("in")["state"] == "stalled"
    wait_until(lambda: len(records_with(app, b"p0")) >= 2, "what was read before it stalled")
    holds_for(lambda: len(records_with(app, b"p0")) == 2, 0.5, "it was read further")

    def dropped():
        reply = host.request("POST", f"/cleat/v1/components/in/events/{urllib.parse.quote(f'{topic}/0@0', safe='')}/drop")
        return reply if reply.status != 409 else None
    reply = wait_until(dropped, "an answer to drop")
    assert reply.status < 300, reply.text
    wait_until(lambda: committed(kafka, group, topic, 0) == 11, "the partition goes on")
    host.wait_for_state("in", lambda state: state["state"] == "running", "running again")
