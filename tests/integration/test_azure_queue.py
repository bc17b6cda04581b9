"""A message of an Azure Storage queue becomes a POST and is deleted after the application answered; a call becomes a message."""

import base64
import datetime
import threading
import time

import pytest
from azure.storage.queue import QueueSasPermissions, generate_queue_sas

from conformance.cases.azure_storagequeues import CASE
from conformance.plugin import ABANDON, REQUEUE, Plugin
from support.app import Answer
from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_azure import ACCOUNT, KEY, Azurite, wait_until_empty
from support.wait import holds_for, wait_until

MAY_STILL_RUN = 1

server = serving(Azurite)


@pytest.fixture
def queue(server):
    return server.make_queue()


def part(server, queue, name, direction, **fields):
    given = {"direction": direction, "queueName": queue.queue_name, **server.key_fields("queue"), **fields}
    return component(name, "bindings.azure.storagequeues", {key: value for key, value in given.items() if value is not None})


def income(server, queue, name="in", **fields):
    return part(server, queue, name, "input", **{"pollingInterval": "200ms", "visibilityTimeout": "60s", **fields})


def outgo(server, queue, name="out", **fields):
    return part(server, queue, name, "output", **fields)


def bodies(app, path="/in"):
    return [request.body for request in app.requests(path)]


# --- in ---


def test_an_event_has_the_message_and_what_is_known_of_it(start_host, server, queue, app):
    start_host(income(server, queue), app=app)
    sent = queue.send_message("Grüße & <so>\r\n ")
    event = app.wait_for(1, "/in")[0]
    assert event.body == "Grüße & <so>\r\n ".encode()
    assert event.header("messageID") == sent.id and event.header("dequeueCount") == "1" and event.header("popReceipt")
    assert event.header("insertionTime") == sent.inserted_on.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event.header("expirationTime") == sent.expires_on.strftime("%Y-%m-%dT%H:%M:%SZ")
    wait_until_empty(queue)


def test_base64_is_decoded_and_what_is_none_arrives_as_it_is(start_host, server, queue, app):
    host = start_host(income(server, queue, decodeBase64="true"), app=app)
    for each in (base64.b64encode(bytes(range(256))).decode(), "no base64!"):
        queue.send_message(each)
    app.wait_for(2, "/in")
    assert set(bodies(app)) == {bytes(range(256)), b"no base64!"}
    host.wait_for_message("a message is not base64")
    wait_until_empty(queue)


def test_many_messages_are_taken_in_batches(start_host, server, queue, app):
    for number in range(200):
        queue.send_message(str(number))
    start_host(income(server, queue), app=app)
    app.wait_for(200, "/in", deadline=60)
    assert {int(body) for body in bodies(app)} == set(range(200))
    wait_until_empty(queue)


def test_a_message_is_kept_while_the_application_works(start_host, server, queue, app):
    is_done = threading.Event()

    def work(_):
        is_done.wait(30)
        return Answer(200)
    app.always("/in", work)
    start_host(income(server, queue, visibilityTimeout="6s"), app=app)
    queue.send_message("slow")
    app.wait_for(1, "/in")
    # More than twice as long as the message is invisible without a renewal: nobody else gets it.
    holds_for(lambda: not queue.peek_messages(), 13, "the message is invisible")
    is_done.set()
    wait_until_empty(queue)
    assert len(app.requests("/in")) == 1


def test_what_fails_is_tried_again_by_the_host(start_host, server, queue, app):
    app.answer("/in", Answer(500), Answer(500), Answer(200))
    start_host(income(server, queue), app=app)
    queue.send_message("again")
    app.wait_for(3, "/in")
    wait_until_empty(queue)
    assert [request.header("dequeueCount") for request in app.requests("/in")] == ["1", "1", "1"]


def test_a_killed_host_loses_nothing(start_host, server, queue, app):
    for number in range(40):
        queue.send_message(str(number))
    never = threading.Event()
    app.always("/in", lambda request: (never.wait(30) if int(request.body) % 2 else None, Answer(200))[1])
    host = start_host(income(server, queue, visibilityTimeout="4s"), app=app)
    wait_until(lambda: len(app.requests("/in")) >= 20, "half of the messages are with the application")
    host.kill()
    app.always("/in", Answer(200))
    never.set()
    start_host(income(server, queue, name="again"), app=app)
    wait_until_empty(queue)
    assert {int(body) for body in bodies(app) + bodies(app, "/again")} == set(range(40))


def test_a_queue_that_vanishes_is_made_again(start_host, server, queue, app):
    start_host(income(server, queue), app=app)
    queue.send_message("one")
    app.wait_for(1, "/in")
    wait_until_empty(queue)
    queue.delete_queue()
    wait_until(lambda: queue.queue_name in [each.name for each in server.queues.list_queues()], "the queue is there again")
    queue.send_message("two")
    app.wait_for(2, "/in")


def test_a_server_that_was_away_is_found_again(start_host, server, queue, app):
    gate = Gate(server.port("queue"))
    host = start_host(income(server, queue, endpoint=f"http://127.0.0.1:{gate.port}"), app=app)
    queue.send_message("before")
    app.wait_for(1, "/in")
    wait_until_empty(queue)
    gate.flow("refuse")
    gate.cut()
    host.wait_for_state("in", lambda state: "Get Messages" in str(state), "it is down")
    queue.send_message("meanwhile")
    gate.flow("pass")
    app.wait_for(2, "/in")
    assert bodies(app) == [b"before", b"meanwhile"]
    wait_until_empty(queue)
    gate.close()


# --- the plugin alone: verdicts ---


@pytest.fixture
def plugin(server, queue, tmp_path):
    found = Plugin(CASE, tmp_path)
    found.run({**server.key_fields("queue"), "queueName": queue.queue_name, "visibilityTimeout": "2s", "pollingInterval": "100ms"}, "input")
    found.begin(10, 0, 0)
    yield found
    found.end()
    found.settle(ABANDON, *(event.id for event in found.events()))
    found.stop()
    found.free()
    found.close()


def one(plugin, count=1):
    wait_until(lambda: len(plugin.events()) >= count, "an event")
    return plugin.events()[count - 1]


def test_requeue_gives_it_back_for_later(plugin, queue):
    queue.send_message("later")
    plugin.settle(REQUEUE, one(plugin).id)
    second = one(plugin, 2)
    assert second.data == b"later" and second.delivery_count == 2


# --- out ---


def test_a_call_becomes_a_message(start_host, server, queue):
    host = start_host(outgo(server, queue)).outbound_ready()
    done = host.create("out", "Grüße & <so>")
    assert done.status in (200, 204), done.text
    message = queue.receive_message()
    assert message.content == "Grüße & <so>"
    assert done.headers["metadata.messageid"] == message.id
    assert message.expires_on.year == 9999
    queue.delete_message(message)


def test_ttl_delay_and_base64(start_host, server, queue):
    host = start_host(outgo(server, queue, encodeBase64="true", ttl="1h")).outbound_ready()
    host.create("out", "a")
    host.create("out", "b", ttlInSeconds="60")
    found = {base64.b64decode(each.content): (each.expires_on - each.inserted_on).total_seconds() for each in queue.receive_messages()}
    assert found == {b"a": 3600, b"b": 60}
    before = time.time()
    host.create("out", "c", initialVisibilityDelay="3s")
    wait_until(lambda: any(base64.b64decode(each.content) == b"c" for each in queue.receive_messages(visibility_timeout=1)), "the message is visible")
    assert time.time() - before >= 3


def test_what_cannot_be_a_message_is_refused(start_host, server, queue):
    host = start_host(outgo(server, queue)).outbound_ready()
    for data, words in (("\u0001", "encodeBase64"), ("x" * 70_000, "64 KiB")):
        done = host.create("out", data)
        assert done.status == 500 and words in done.text
    for metadata, words in (({"ttl": "never"}, "ttl value must be a valid integer: actual is 'never'"),
                            ({"initialVisibilityDelay": "soon"}, "invalid value for initialVisibilityDelay")):
        done = host.create("out", "x", **metadata)
        assert done.status == 500 and words in done.text


def test_strict_dapr_keeps_a_message_for_ten_minutes(start_host, server, queue):
    host = start_host(outgo(server, queue), options=["--strict-dapr"]).outbound_ready()
    host.create("out", "short")
    message = queue.receive_message()
    assert (message.expires_on - message.inserted_on).total_seconds() == 600


# --- who we are ---


def test_a_connection_string_a_signature_and_a_name(start_host, server, queue):
    sas = generate_queue_sas(ACCOUNT, queue.queue_name, account_key=KEY, permission=QueueSasPermissions(add=True, read=True, process=True),
                             expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1))
    nobody = {"accountName": None, "accountKey": None, "endpoint": None}
    host = start_host(outgo(server, queue, "string", **{**nobody, "connectionString": server.connection_string()}),
                      outgo(server, queue, "sas", accountKey=None, sasToken=sas)).outbound_ready()
    for name in ("string", "sas"):
        done = host.create(name, name)
        assert done.status in (200, 204), done.text
    assert {each.content for each in queue.receive_messages()} == {"string", "sas"}


def test_a_wrong_key_is_said_and_no_secret_is(start_host, server, queue):
    planted = base64.b64encode(b"planted-secret-key").decode()
    host = start_host(outgo(server, queue, accountKey=planted)).outbound_ready()
    done = host.create("out", "x")
    assert done.status == 500 and "AuthenticationFailed" in done.text and "request id" in done.text
    host.wait_for_state("out", lambda state: "AuthenticationFailed" in str(state), "it is down")
    for text in (done.text, host.output, str(host.metadata()), str(host.state("out"))):
        assert planted not in text and "planted" not in text and "sig=" not in text


def test_tls_with_our_own_authority(start_host, server, app):
    fields = {"accountName": ACCOUNT, "accountKey": KEY, "endpoint": server.endpoint("tls_queue", "https"), "queueName": "secure-q"}
    host = start_host(component("out", "bindings.azure.storagequeues", {"direction": "output", "caCert": server.tls("ca.pem"), **fields}),
                      component("bad", "bindings.azure.storagequeues", {"direction": "output", **fields}),
                      component("in", "bindings.azure.storagequeues", {"direction": "input", "caCert": server.tls("ca.pem"), **fields}),
                      app=app).outbound_ready()
    done = host.create("bad", "x")
    assert done.status == 500 and "certificate" in done.text
    assert host.create("out", "over TLS").status in (200, 204)
    app.wait_for(1, "/in")
    assert bodies(app) == [b"over TLS"]
