"""Event Hubs' Kafka endpoint, as a real Kafka with the same logins; confluent-kafka reads what we wrote and writes what we read."""

import json
import uuid

import pytest
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore

from support.app import Answer
from support.entra import Entra
from support.fixtures import serving
from support.host import component
from support.servers_azure import ACCOUNT, HUB_CONNECTION as CONNECTION, KEY, Azurite
from support.wait import wait_until

SECRETS = ("cGxhbnRlZC1rZXk", "planted-secret", "eyJhbGci", KEY)
storage = serving(Azurite)


@pytest.fixture
def entra(kafka):
    endpoint = Entra(kafka)
    yield endpoint
    endpoint.close()


def hub_component(kafka, hub, **fields):
    fields = {"connectionString": CONNECTION, "eventHub": hub, "consumerGroup": uuid.uuid4().hex, "initialOffset": "oldest",
              "endpoint": f"localhost:{kafka.port('sasl_ssl')}", "caCert": kafka.tls("ca.pem"), **fields}
    return component("hub", "bindings.azure.eventhubs", {key: value for key, value in fields.items() if value is not None})


def identity_component(kafka, hub, **fields):
    return hub_component(kafka, hub, connectionString=None, eventHubNamespace="shop", **fields)


def there_and_back(host, kafka, app, hub):
    reply = host.create("hub", {"n": 1}, partitionKey="k")
    assert reply.status == 204, reply.text
    record = kafka.consume(hub, 1)[0]
    assert (record.key(), record.value()) == (b"k", b'{"n":1}')
    assert app.wait_for(1, "/hub")[0].body == b'{"n":1}'


def has_no_secret(host):
    host.stop()
    assert not [secret for secret in SECRETS if secret in host.output]


def test_a_connection_string(start_host, kafka, app):
    hub = kafka.topic(3)
    host = start_host(hub_component(kafka, hub), app=app).ready()
    there_and_back(host, kafka, app, hub)
    has_no_secret(host)


def test_what_goes_out(start_host, kafka):
    hub = kafka.topic()
    host = start_host(hub_component(kafka, hub, direction="output")).outbound_ready()
    assert host.create("hub", "x", contentType="text/csv", colour="blue").status == 204
    assert host.create("hub", None).status == 204
    first, second = kafka.consume(hub, 2)
    assert first.key() is None and first.value() == b'"x"'
    headers = {name: value for name, value in first.headers()}
    assert headers["content-type"] == b"text/csv" and "colour" not in headers and "partitionKey" not in headers
    assert second.value() is not None


def test_what_comes_in(start_host, kafka, app):
    hub = kafka.topic()
    start_host(hub_component(kafka, hub, getAllMessageProperties="true", direction="input"), app=app)
    amqp = [("x-opt-partition-key", b"\xa1\x03abc"), ("message-id", b"\xa1\x02m1"), ("count", b"\x54\x05"), ("big", b"\x81\x00\x00\x00\x01\x00\x00\x00\x00"),
            ("yes", b"\x41"), ("when", b"\x83" + (1700000000123).to_bytes(8, "big"))]
    kafka.produce(hub, {"value": b"\x00\xff", "key": b"k", "timestamp": 1700000000123, "headers": amqp},
                  {"value": b"2", "key": b"k", "headers": [("word", b"abc"), ("price", b"price"), ("letter", b"A")]})
    first, second = app.wait_for(2, "/hub")
    assert first.body == b"\x00\xff"
    names = ("x-opt-sequence-number", "x-opt-enqueued-time", "x-opt-partition-id", "x-opt-partition-key", "message-id", "count", "big", "yes", "when")
    assert {name: first.header(name) for name in names} == {
        "x-opt-sequence-number": "0", "x-opt-enqueued-time": "2023-11-14T22:13:20Z", "x-opt-partition-id": "0",
        "x-opt-partition-key": "abc", "message-id": "m1", "count": "5", "big": "4294967296", "yes": "true", "when": "2023-11-14T22:13:20Z"}
    assert {name: second.header(name) for name in ("word", "price", "letter", "x-opt-partition-key", "x-opt-offset")} == {
        "word": "abc", "price": "price", "letter": "A", "x-opt-partition-key": "k", "x-opt-offset": None}


def test_properties_only_if_asked_for(start_host, kafka, app):
    hub = kafka.topic()
    start_host(hub_component(kafka, hub, direction="input"), app=app)
    kafka.produce(hub, {"value": b"1", "headers": [("colour", b"blue"), ("iothub-connection-device-id", b"d1")]})
    event = app.wait_for(1, "/hub")[0]
    assert event.header("colour") is None and event.header("iothub-connection-device-id") == "d1"


def test_only_what_succeeded_is_committed(start_host, kafka, app):
    hub, group = kafka.topic(), uuid.uuid4().hex
    text = hub_component(kafka, hub, consumerGroup=group, direction="input", sessionTimeout="6s", retryInitialInterval="50ms", retryMaxInterval="100ms")
    app.always("/hub", Answer(500))
    host = start_host(text, app=app)
    kafka.produce(hub, b"poison")
    app.wait_for(2, "/hub")
    host.kill()
    assert kafka.committed(group, hub) in ({}, {0: 0})
    app.always("/hub", Answer(200))
    start_host(text, app=app)
    wait_until(lambda: kafka.committed(group, hub) == {0: 1}, "the event is committed")


def test_a_wrong_key_is_said(start_host, kafka):
    wrong = CONNECTION.replace("cGxhbnRlZC1rZXk", "d3JvbmctcGxhbnRlZA")
    host = start_host(hub_component(kafka, kafka.topic(), connectionString=wrong, direction="output", invokeTimeout="15s")).outbound_ready()
    reply = host.create("hub", 1)
    assert reply.status == 500 and reply.headers["cleat-status"] == "UNAUTHENTICATED", reply.text
    reason = host.wait_for_state("hub", lambda state: state.get("reason"), "says why")["reason"]
    assert "Event Hubs cannot be reached" in reason and "uthentication" in reason
    assert "d3JvbmctcGxhbnRlZA" not in host.output


def test_an_application_with_a_secret(start_host, kafka, app, entra):
    hub = kafka.topic()
    text = identity_component(kafka, hub, azureTenantId="tenant", azureClientId="client", azureClientSecret="planted-secret")
    host = start_host(text, app=app, env={"AZURE_AUTHORITY_HOST": entra.url}).ready()
    there_and_back(host, kafka, app, hub)
    assert entra.forms[0] == {"path": "/tenant/oauth2/v2.0/token", "grant_type": "client_credentials", "client_id": "client",
                              "client_secret": "planted-secret", "scope": "https://shop.servicebus.windows.net/.default"}
    has_no_secret(host)


def test_a_workload_identity(start_host, kafka, app, entra, tmp_path):
    hub = kafka.topic()
    (tmp_path / "assertion").write_text("planted-secret\n")
    host = start_host(identity_component(kafka, hub), app=app,
                      env={"AZURE_AUTHORITY_HOST": entra.url, "AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client",
                           "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "assertion")}).ready()
    there_and_back(host, kafka, app, hub)
    assert entra.forms[0]["client_assertion"] == "planted-secret"
    has_no_secret(host)


def test_a_managed_identity(start_host, kafka, app, entra):
    hub = kafka.topic()
    host = start_host(identity_component(kafka, hub), app=app,
                      env={"IDENTITY_ENDPOINT": f"{entra.url}/msi/token", "IDENTITY_HEADER": "planted-secret"}).ready()
    there_and_back(host, kafka, app, hub)
    assert entra.forms[0]["resource"] == "https://shop.servicebus.windows.net"
    has_no_secret(host)


def test_a_token_is_renewed_before_it_ends_and_nothing_is_lost(start_host, kafka, app, entra):
    entra.lifetime = 6
    hub = kafka.topic()
    text = identity_component(kafka, hub, azureTenantId="t", azureClientId="c", azureClientSecret="planted-secret")
    host = start_host(text, app=app, env={"AZURE_AUTHORITY_HOST": entra.url}).ready()
    there_and_back(host, kafka, app, hub)
    sent = []

    def renewed():
        sent.append(f"text-{len(sent)}")
        assert host.create("hub", sent[-1]).status == 204, host.output[-3000:]
        return len(entra.forms) >= 3
    wait_until(renewed, "tokens are asked for again", 40)
    wait_until(lambda: {json.dumps(text) for text in sent} <= {event.body.decode() for event in app.requests("/hub")}, "all have come", 60)


def test_a_refused_application_is_said_and_comes_back(start_host, kafka, app, entra):
    entra.fails = True
    hub = kafka.topic()
    text = identity_component(kafka, hub, azureTenantId="t", azureClientId="c", azureClientSecret="planted-secret", invokeTimeout="3s")
    host = start_host(text, app=app, env={"AZURE_AUTHORITY_HOST": entra.url}).outbound_ready()
    assert host.create("hub", 1).status == 500
    host.wait_for_state("hub", lambda state: "AADSTS7000215" in state.get("reason", ""), "says why")
    entra.fails = False
    wait_until(lambda: host.create("hub", "late").status == 204, lambda: f"there is a token; {host.state('hub')}", 60)
    has_no_secret(host)


def storage_fields(server, container):
    return {"storageAccountName": ACCOUNT, "storageAccountKey": KEY, "storageContainerName": container, "storageEndpoint": server.endpoint("blob")}


def keep_checkpoint(server, container, hub, group, **sequence_numbers):
    """As a reader over AMQP does, by Azure's own package."""
    with BlobCheckpointStore.from_connection_string(server.connection_string(), container) as store:
        for partition, number in sequence_numbers.items():
            store.update_checkpoint({"fully_qualified_namespace": "shop.servicebus.windows.net", "eventhub_name": hub, "consumer_group": group,
                                     "partition_id": partition.removeprefix("p"), "offset": "4711", "sequence_number": number})


def test_the_first_start_is_behind_a_checkpoint_and_the_next_one_where_it_ended(start_host, kafka, storage, app):
    hub, group, box = kafka.topic(2), f"Shop-{uuid.uuid4().hex}", storage.make_container()
    for partition in (0, 1):
        kafka.produce(hub, *[{"value": b"%d-%d" % (partition, n), "partition": partition} for n in range(3)])
    keep_checkpoint(storage, box.container_name, hub, group, p0=1)
    text = hub_component(kafka, hub, consumerGroup=group, direction="input", initialOffset="newest", **storage_fields(storage, box.container_name))
    host = start_host(text, app=app).ready()
    assert [event.body for event in app.wait_for(1, "/hub")] == [b"0-2"]
    wait_until(lambda: kafka.committed(group, hub) == {0: 3, 1: 3}, "both starts are committed")
    host.stop()
    keep_checkpoint(storage, box.container_name, hub, group, p0=0, p1=0)  # a group that has begun does not look at it again
    kafka.produce(hub, {"value": b"1-3", "partition": 1})
    host = start_host(text, app=app).ready()
    assert app.wait_for(2, "/hub")[1].body == b"1-3"
    has_no_secret(host)
    folder = f"shop.servicebus.windows.net/{hub.lower()}/{group.lower()}/checkpoint"
    assert [blob.name for blob in box.list_blobs()] == [f"{folder}/0", f"{folder}/1"]  # nothing of ours


def test_nothing_is_begun_while_the_storage_account_is_away(start_host, kafka, app, tmp_path):
    hub, group, server = kafka.topic(), uuid.uuid4().hex, Azurite(tmp_path)
    kafka.produce(hub, b"0", b"1", b"2")
    try:
        box = server.make_container().container_name
        keep_checkpoint(server, box, hub, group, p0=0)
        server.stop()
        fields = {"storageConnectionString": server.connection_string(), "storageContainerName": box, "initialOffset": "newest"}
        host = start_host(hub_component(kafka, hub, consumerGroup=group, direction="input", **fields), app=app)
        state = host.wait_for_state("hub", lambda state: "Get Blob Properties" in state.get("reason", ""), "says that the storage is away")
        assert "where its reading begins" in state["reason"] and not app.requests("/hub") and kafka.committed(group, hub) == {}
        server.start()
        assert sorted(event.body for event in app.wait_for(2, "/hub", deadline=60)) == [b"1", b"2"]
        has_no_secret(host)
    finally:
        server.stop()


def test_a_checkpoint_that_the_hub_has_not_got_is_a_lost_offset(start_host, kafka, storage, app):
    hub, group, box = kafka.topic(), uuid.uuid4().hex, storage.make_container().container_name
    kafka.produce(hub, b"0", b"1")
    keep_checkpoint(storage, box, hub, group, p0=40)
    host = start_host(hub_component(kafka, hub, consumerGroup=group, direction="input", **storage_fields(storage, box)), app=app)
    host.wait_for_state("hub", lambda state: f"the offset 41 of {hub}/0 is gone" in state.get("reason", ""), "says what is gone")
    assert not app.requests("/hub") and kafka.committed(group, hub) == {}


@pytest.mark.parametrize(("fields", "words"), [
    ({"storageContainerName": "box"}, "property storageAccountName is required to subscribe to an Event Hub topic"),
    ({"connectionString": None}, "one of connectionString or eventHubNamespace is required"),
    ({"eventHubNamespace": "shop"}, "only one of connectionString or eventHubNamespace should be passed"),
    ({"connectionString": None, "eventHubNamespace": "shop", "enableEntityManagement": "true"}, "property resourceGroupName is required"),
    ({"connectionString": CONNECTION + ";EntityPath=other"}, "EntityPath"),
    ({"consumerGroup": None, "direction": "input"}, "property consumerID is required to subscribe to an Event Hub topic"),
])
def test_a_fault_is_said(start_host, kafka, app, fields, words):
    host = start_host(hub_component(kafka, "hub", **fields), app=app).outbound_ready()
    host.wait_for_state("hub", lambda state: words in state.get("reason", ""), f"says {words}")
    assert "cGxhbnRlZC1rZXk" not in host.output
