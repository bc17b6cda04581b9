"""Calls become messages of Pub/Sub, and messages calls, judged by Google's own client and the account of Google's server."""

import datetime
import json
import threading
import uuid

import pytest

from support.app import Answer
from support.fixtures import serving
from support.host import component
from support.servers_google import Tokens
from support.servers_pubsub import PROJECT, PubSub, topic_of
from support.wait import holds_for, wait_until

TRACE = "00-11111111111111111111111111111111-2222222222222222-01"

server = serving(PubSub)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    found = Tokens(tmp_path_factory.mktemp("tokens"))
    yield found
    found.close()


@pytest.fixture
def part(server, tokens):
    def make(name, direction, **fields):
        given = {"direction": direction, "endpoint": server.url, **tokens.fields, **fields}
        return component(name, "bindings.gcp.pubsub", {key: value for key, value in given.items() if value is not None})
    return make


@pytest.fixture
def income(part):
    return lambda topic, **fields: part("in", "input", subscription=topic, **fields)


@pytest.fixture
def outgo(part):
    return lambda topic, **fields: part("out", "output", topic=topic, **fields)


# --- output ---


def test_what_we_publish_is_what_googles_client_reads(start_host, server, outgo):
    name = server.topic()
    host = start_host(outgo(name)).outbound_ready()
    done = host.invoke("out", {"operation": "create", "data": {"ä": 1}, "metadata": {"kind": "new", "orderingKey": "k1"}},
                       headers={"traceparent": TRACE})
    assert done.status in (200, 204), done.text
    message, = server.pull_all(name, 1)
    assert (json.loads(message.data), message.ordering_key, message.message_id) == ({"ä": 1}, "k1", done.headers["metadata.id"])
    assert {key: value for key, value in message.attributes.items() if key != "traceparent"} == {"kind": "new"}
    assert message.attributes["traceparent"].startswith(TRACE[:35])


def test_a_request_may_name_another_topic(start_host, server, outgo):
    name, other = server.topic(), server.topic()
    host = start_host(outgo(name)).outbound_ready()
    assert host.create("out", 1, topic=other).status in (200, 204)
    assert host.create("out", 2, topic=topic_of(other)).status in (200, 204)
    assert host.create("out", 3).status in (200, 204)
    assert sorted(each.data for each in server.pull_all(other, 2)) == [b"1", b"2"]
    assert [each.data for each in server.pull_all(name, 1)] == [b"3"]


def test_calls_at_the_same_time_go_together_and_get_their_own_ids(start_host, server, outgo):
    name = server.topic()
    host = start_host(outgo(name)).outbound_ready()
    found = {}

    def call(number):
        found[number] = host.create("out", number).headers["metadata.id"]
    callers = [threading.Thread(target=call, args=(number,)) for number in range(40)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert {int(each.data): each.message_id for each in server.pull_all(name, 40)} == found


def test_a_missing_topic_is_said_and_found_when_it_is_made(start_host, server, outgo):
    name = f"later-{uuid.uuid4().hex[:8]}"
    host = start_host(outgo(name)).outbound_ready()
    reply = host.create("out", "x")
    assert reply.status == 500 and "HTTP 404 NOT_FOUND" in reply.text and name in reply.text, reply.text
    assert reply.headers["cleat-status"] == "NOT_FOUND"
    host.wait_for_state("out", lambda state: "NOT_FOUND" in str(state), "says that it is missing")
    server.topic(name)
    # Without a call.
    host.wait_for_state("out", lambda state: "NOT_FOUND" not in str(state.get("reason")), "found it")
    assert host.create("out", "x").status in (200, 204)
    assert len(server.pull_all(name, 1)) == 1


# --- input ---


def test_what_googles_client_publishes_is_what_the_application_gets(start_host, server, income, app):
    name = server.topic(dead_letters_after=5)
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    message_id, = server.publish(name, b"\0\xff\r\n", key="k1", kind="new", googclient_traceparent=TRACE)
    start_host(income(name), app=app)
    event, = app.wait_for(1, "/in")
    assert event.body == b"\0\xff\r\n"
    assert {key: event.header(key) for key in ("id", "orderingKey", "deliveryAttempt", "kind")} == {
        "id": message_id, "orderingKey": "k1", "deliveryAttempt": "1", "kind": "new"}
    assert event.header("traceparent")[:35] == TRACE[:35]
    date, time, zone = event.header("publishTime").split(" ", 2)
    assert zone == "+0000 UTC"
    assert datetime.datetime.fromisoformat(f"{date} {time[:8]}+00:00") >= before
    server.wait_until_acknowledged(name, 1)


def test_a_handler_longer_than_the_deadline_runs_once(start_host, server, income, app):
    name = server.topic(deadline=2)
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    start_host(income(name), app=app)
    server.publish(name, b"slow")
    app.wait_for(1, "/in")
    holds_for(lambda: [each["deliveries"] for each in server.accounts(name)] == [1], 5, "it was given out again while it was worked on")
    gate.set()
    server.wait_until_acknowledged(name, 1)
    assert len(app.requests("/in")) == 1


def test_a_killed_host_loses_nothing(start_host, server, income, app):
    """Ledger: each is published once by Google's client, the host is killed twice while it works, and each is seen at least once."""
    name = server.topic(deadline=2)
    expected = {b"m%d" % number for number in range(300)}
    app.always("/in", lambda request: 500 if len(app.requests("/in")) % 7 == 0 else 200)
    feeding = threading.Thread(target=lambda: server.publish(name, *sorted(expected)))
    feeding.start()
    for least in (40, 120):
        host = start_host(income(name), app=app)
        app.wait_for(least, "/in")
        host.kill()
    start_host(income(name), app=app)
    wait_until(lambda: {each.body for each in app.requests("/in")} == expected, "all were seen", 60)
    server.wait_until_acknowledged(name, 300, 60)
    feeding.join()


def test_a_server_that_was_killed_is_read_again(start_host, server, income, app):
    name = server.topic()
    host = start_host(income(name), app=app)
    server.publish(name, b"before")
    app.wait_for(1, "/in")
    server.wait_until_acknowledged(name, 1)
    server.kill()
    host.wait_for_state("in", lambda state: state.get("reason"), "says that nobody answers")
    server.start()
    server.publish(name, b"after")
    wait_until(lambda: b"after" in [each.body for each in app.requests("/in")], "the message after the restart", 60)
    server.wait_until_acknowledged(name, 2)


def test_a_missing_subscription_is_said_and_read_when_it_is_made(start_host, server, income, app):
    name = f"later-{uuid.uuid4().hex[:8]}"
    host = start_host(income(name), app=app)
    host.wait_for_state("in", lambda state: "NOT_FOUND" in str(state), "says that it is missing")
    server.topic(name)
    server.publish(name, b"x")
    app.wait_for(1, "/in", deadline=60)
    server.wait_until_acknowledged(name, 1)


def test_a_stopped_host_gives_back_at_once_what_did_not_begin(start_host, server, income, app):
    name = server.topic(deadline=600)
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    host = start_host(income(name, maxInFlight="1"), app=app)
    server.publish(name, *(b"%d" % number for number in range(5)))
    app.wait_for(1, "/in")
    threading.Timer(0.5, gate.set).start()
    assert host.stop() == 0
    assert len(server.pull_all(name, 4, 15)) == 4


def test_what_has_one_key_stays_in_order(start_host, server, income, app):
    name = server.topic(ordered=True)
    for number in range(6):
        for key in "ab":
            server.publish(name, f"{key}{number}".encode(), key=key)
    app.answer("/in", 500)
    start_host(income(name, ordering="partition"), app=app)
    server.wait_until_acknowledged(name, 12, 60)
    order = [each.body.decode() for each in app.requests("/in")]
    for key in "ab":
        assert list(dict.fromkeys(each for each in order if each[0] == key)) == [f"{key}{number}" for number in range(6)], order


def test_dead_letters_are_the_subscriptions(start_host, server, income, app):
    """Without a policy nothing is read."""
    name = server.topic()
    app.always("/in", 422)
    host = start_host(income(name, deadLetter="broker"), app=app)
    host.wait_for_state("in", lambda state: "dead letter policy" in str(state), "says what is missing")
    server.publish(name, b"poison")
    holds_for(lambda: not app.requests("/in"), 1, "it was read")
    server.topic(name + "-dead")
    server.put_aside_after(name, 5)
    found, = server.pull_all(name + "-dead", 1, 60)
    assert found.data == b"poison" and len(app.requests("/in")) == 5


# --- credentials ---


def test_tokens_of_the_key_let_in_over_tls(start_host, server, tokens, outgo):
    name = server.topic()
    secure = {"endpoint": f"https://{server.address('https')}", "caCert": server.tls("ca.pem")}
    before = len(tokens.given)
    host = start_host(outgo(name, **secure)).outbound_ready()
    for number in range(5):
        done = host.create("out", number)
        assert done.status in (200, 204), done.text
    assert len(tokens.given) == before + 1
    assert len(server.pull_all(name, 5)) == 5
    assert "planted-token" not in host.output


def test_an_emulator_of_the_environment_asks_for_no_token(start_host, server, app):
    name = server.topic()
    both = component("out", "bindings.gcp.pubsub", {"topic": name, "subscription": name, "projectID": PROJECT})
    host = start_host(both, app=app, env={"PUBSUB_EMULATOR_HOST": server.address("http")}).outbound_ready()
    assert host.create("out", "x").status in (200, 204)
    event, = app.wait_for(1, "/out")
    assert event.body == b'"x"'
    server.wait_until_acknowledged(name, 1)


def test_wrong_keys_are_said_without_the_secret(start_host, server, outgo, tokens, tmp_path):
    other = Tokens(tmp_path)
    name = server.topic()
    host = start_host(outgo(name, privateKey=other.key)).outbound_ready()
    reply = host.create("out", "x")
    assert reply.status == 500 and "invalid_grant" in reply.text, reply.text
    host.wait_for_state("out", lambda state: "invalid_grant" in str(state), "says why")
    planted = other.key.splitlines()[3]
    for text in (reply.text, host.output, json.dumps(host.metadata()), str(host.state("out"))):
        assert planted not in text
    other.close()
