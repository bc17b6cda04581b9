"""An application's POST becomes a Kafka record."""

import json

import pytest

from support.broker import Kafka
from support.host import component
from support.wait import wait_until


def output(kafka, topic, name="out", **fields):
    return component(name, "bindings.kafka", {"brokers": kafka.address(), "publishTopic": topic, "direction": "output",
                                              "authType": "none", **fields})


def dapr_partition(key, count):
    """Sarama's hash partitioner, which Dapr's producer uses: FNV-1a of 32 bits as a signed number."""
    value = 0x811C9DC5
    for byte in key.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    signed = value - (1 << 32) if value & 0x80000000 else value
    return abs(int(signed - count * int(signed / count)))


def headers_of(record):
    return {name: value.decode() for name, value in record.headers() or []}


def test_a_record_with_key_and_headers(start_host, kafka):
    topic = kafka.topic(3)
    host = start_host(output(kafka, topic)).outbound_ready()
    reply = host.create("out", {"message": "Hi", "n": 9007199254740993}, partitionKey="k1", colour="blue")
    assert (reply.status, reply.body) == (204, b""), reply.text
    record = kafka.consume(topic, 1)[0]
    assert record.key() == b"k1"
    assert record.value() == b'{"message":"Hi","n":9007199254740993}'
    assert headers_of(record) == {"partitionKey": "k1", "colour": "blue"}


@pytest.mark.parametrize("name", ["partitionKey", "__key", "key"])
def test_names_of_the_record_key(start_host, kafka, name):
    topic = kafka.topic()
    host = start_host(output(kafka, topic)).outbound_ready()
    assert host.create("out", "x", **{name: "k"}).status == 204
    assert kafka.consume(topic, 1)[0].key() == b"k"


def test_key_is_only_a_header_with_strict_dapr(start_host, kafka):
    topic = kafka.topic()
    host = start_host(output(kafka, topic), options=["--strict-dapr"]).outbound_ready()
    assert host.create("out", "x", key="k").status == 204
    record = kafka.consume(topic, 1)[0]
    assert record.key() is None and headers_of(record) == {"key": "k"}


def test_the_curl_line_of_the_page_from_2019(start_host, kafka):
    topic = kafka.topic(name=None)
    text = ("kind: Component\nmetadata: { name: myKafka }\nspec:\n  type: bindings.kafka\n  metadata:\n"
            f'  - {{ name: brokers,       value: "http://{kafka.address()}" }}\n'
            '  - { name: topics,        value: "t-none" }\n'
            f'  - {{ name: publishTopic,  value: "{topic}" }}\n'
            '  - { name: consumerGroup, value: "group1" }\n')
    host = start_host(text).outbound_ready()
    body = '{"data": {"message": "Hi"},\n"metadata": [{"key": "redis-key-1"}]}'
    reply = host.invoke("myKafka", body, headers={"Content-Type": "application/json"})
    assert reply.status == 204, reply.text
    record = kafka.consume(topic, 1)[0]
    assert (record.key(), record.value()) == (b"redis-key-1", b'{"message":"Hi"}')
    host.wait_for_message("scheme", level="warning")
    assert host.stop() == 0
    warned = [text for text in host.messages("warning") if "scheme" in text]
    assert len(warned) == 1, host.output


@pytest.mark.parametrize("body", ['{"operation":"create"}', '{"operation":"create","data":null}'])
def test_null_is_a_tombstone(start_host, kafka, body):
    topic = kafka.topic()
    host = start_host(output(kafka, topic)).outbound_ready()
    assert host.invoke("out", body.replace("}", ',"metadata":{"partitionKey":"gone"}}')).status == 204
    record = kafka.consume(topic, 1)[0]
    assert record.value() is None and record.key() == b"gone"


def test_a_string_keeps_its_quotes(start_host, kafka):
    topic = kafka.topic()
    host = start_host(output(kafka, topic)).outbound_ready()
    assert host.create("out", "").status == 204
    assert kafka.consume(topic, 1)[0].value() == b'""'


def test_the_same_partition_as_dapr_for_the_same_key(start_host, kafka):
    partitions = 7
    topic = kafka.topic(partitions)
    host = start_host(output(kafka, topic)).outbound_ready()
    keys = [f"key-{number}" for number in range(60)] + ["", "ä", "a" * 300, "Order/42"]
    for key in keys:
        assert host.create("out", key, partitionKey=key).status == 204
    found = {json.loads(record.value()): record.partition() for record in kafka.consume(topic, len(keys))}
    expected = {key: dapr_partition(key, partitions) for key in keys if key}
    assert {key: found[key] for key in expected} == expected


def test_an_explicit_partition(start_host, kafka):
    topic = kafka.topic(3)
    host = start_host(output(kafka, topic)).outbound_ready()
    assert host.create("out", "x", partitionNumber="2", partitionKey="k").status == 204
    assert kafka.consume(topic, 1)[0].partition() == 2
    for number, why in {"3": "partition number 3 is out of range, topic has 3 partitions",
                        "-1": "partitionNumber must be non-negative, got -1",
                        "two": 'invalid partitionNumber metadata value "two"'}.items():
        reply = host.create("out", "x", partitionNumber=number)
        assert reply.status == 500 and why in reply.json()["message"], reply.text


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compression(start_host, kafka, compression):
    topic = kafka.topic()
    host = start_host(output(kafka, topic, compression=compression)).outbound_ready()
    text = "all the same " * 5000
    assert host.create("out", text).status == 204
    assert json.loads(kafka.consume(topic, 1)[0].value()) == text


@pytest.mark.parametrize("acks", ["all", "local", "none"])
def test_acks(start_host, kafka, acks):
    topic = kafka.topic()
    host = start_host(output(kafka, topic, producerRequiredAcks=acks)).outbound_ready()
    assert host.create("out", 1).status == 204
    assert kafka.consume(topic, 1)[0].value() == b"1"


@pytest.mark.parametrize(("field", "value", "why"), [
    ("compression", "best", "compression"), ("initialOffset", "middle", "initialOffset"),
    ("producerRequiredAcks", "two", "producerRequiredAcks"), ("authType", "magic", "authType"),
    ("authType", "oidc", "oidc"), ("authType", "awsiam", "awsiam"), ("schemaRegistryURL", "http://127.0.0.1:1", "schemaRegistryURL"),
    ("brokers", "", "brokers"), ("caCert", "no certificate", "ca certificate")])
def test_a_field_that_cannot_be_used_says_why(start_host, kafka, field, value, why):
    more = {"authType": "certificate"} if field == "caCert" else {}
    text = component("out", "bindings.kafka", {"brokers": kafka.address(), "publishTopic": "t", "direction": "output", **more, field: value})
    host = start_host(text, component("sink", "bindings.null")).outbound_ready()
    state = host.wait_for_state("out", lambda state: state.get("state") == "failed", "failed")
    assert why in state["reason"], state
    assert host.create("sink", 1).status == 204


def test_many_callers_at_once(start_host, kafka):
    from concurrent.futures import ThreadPoolExecutor

    topic = kafka.topic(3)
    host = start_host(output(kafka, topic)).outbound_ready()
    host.port  # known before the threads ask
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda number: host.create("out", number).status, range(400)))
    assert statuses == [204] * 400
    assert sorted(int(record.value()) for record in kafka.consume(topic, 400)) == list(range(400))


@pytest.mark.timeout(120)
def test_a_broker_that_is_absent_at_start(start_host, tmp_path, app):
    broker = Kafka(tmp_path / "late")
    topic = broker.topic()
    broker.stop()
    sink = component("sink", "bindings.null")
    income = component("in", "bindings.kafka", {"brokers": broker.address(), "topics": topic, "consumerGroup": "late", "initialOffset": "oldest"})
    host = start_host(output(broker, topic, invokeTimeout="2s"), income, sink, app=app).ready()
    assert host.create("sink", 1).status == 204
    reply = host.create("out", "early")
    assert reply.status == 500 and reply.json()["errorCode"] == "ERR_INVOKE_OUTPUT_BINDING", reply.text
    assert len(reply.json()["message"]) > len("error invoking output binding out: "), reply.text
    state = host.wait_for_state("out", lambda state: state.get("reason"), "says why")
    assert str(broker.address().split(":")[1]) in state["reason"] or "broker" in state["reason"].lower(), state
    broker.start()
    try:
        wait_until(lambda: host.create("out", "late").status == 204, lambda: f"the broker is there; {host.state('out')}", 60)
        wait_until(lambda: b'"late"' in [event.body for event in app.requests("/in")], "the record is read again", 60)
        host.wait_for_state("out", lambda state: state.get("state") == "running", "running again")
    finally:
        broker.stop()
