"""An entry of a Redis stream becomes a POST, and is acknowledged after the application answered."""

import threading
import uuid

import pytest

from support.app import Answer
from support.fixtures import serving
from support.host import component
from support.servers_redis import Redis, add, group, pending, wait_until_all_is_done
from support.wait import holds_for, wait_until

server = serving(Redis)


@pytest.fixture
def stream():
    return f"stream-{uuid.uuid4().hex[:10]}"


def income(server, stream, consumer="one", **fields):
    given = {"direction": "input", **server.fields(stream=stream, consumerGroup="g", consumerID=consumer, minIdle="60s"), **fields}
    return component("in", "bindings.redis", {key: value for key, value in given.items() if value is not None})


def reading(server, stream, host):
    wait_until(lambda: group(server.client, stream), f"{stream} has its group")
    return host


def bodies(app, path="/in"):
    return [request.body for request in app.requests(path)]


# --- what an event is ---


def test_an_event_has_the_entry_and_its_fields(start_host, server, stream, app):
    reading(server, stream, start_host(income(server, stream), app=app))
    entry = server.client.xadd(stream, {"data": b"\0\1{}\r\n", "region": "eu", "entryId": "mine", "dapr-api-token": "x"}).decode()
    event = app.wait_for(1, "/in")[0]
    assert event.body == b"\0\1{}\r\n"
    assert {name: event.header(name) for name in ("stream", "entryId", "region", "cleat-src-entryid", "dapr-api-token", "cleat-content-type")} == {
        "stream": stream, "entryId": entry, "region": "eu", "cleat-src-entryid": "mine", "dapr-api-token": None, "cleat-content-type": None}
    wait_until_all_is_done(server.client, stream)


def test_an_entry_without_the_data_field_is_json(start_host, server, stream, app):
    start_host(income(server, stream, dataField="body"), app=app)
    server.client.xadd(stream, {"data": 'a"b', "n": "1"})
    server.client.xadd(stream, {"body": ""})
    empty, whole = sorted(app.wait_for(2, "/in"), key=lambda event: len(event.body))
    assert (whole.body, whole.header("n"), whole.header("cleat-content-type")) == (b'{"data":"a\\"b","n":"1"}', "1", "application/json")
    assert empty.body == b""


def test_where_a_new_group_begins(start_host, server, stream, app):
    add(server.client, stream, b"old")
    reading(server, stream, start_host(income(server, stream, initialPosition="newest"), app=app))
    add(server.client, stream, b"new")
    assert app.wait_for(1, "/in")[0].body == b"new"
    wait_until_all_is_done(server.client, stream)
    assert bodies(app) == [b"new"]


def test_names_that_the_host_gives(start_host, server, stream, app):
    """Without consumerGroup the application's id, without consumerID a name that is the same after a restart."""
    def consumers():
        return [each["name"] for each in server.client.xinfo_consumers(stream, "test")]
    add(server.client, stream, b"0")
    start_host(income(server, stream, consumerGroup=None, consumerID=None), app=app)
    wait_until_all_is_done(server.client, stream, "test")
    assert len(consumers()) == 1


# --- at least once ---


def test_a_handler_longer_than_min_idle_runs_once(start_host, server, stream, app):
    """Another consumer looks for what is idle meanwhile."""
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    reading(server, stream, start_host(income(server, stream, minIdle="4s"), app=app))
    entry, = add(server.client, stream, b"slow")
    app.wait_for(1, "/in")
    start_host(income(server, stream, consumer="two", minIdle="4s"), app=app)
    holds_for(lambda: len(app.requests("/in")) == 1, 9, "it was given out again while it was worked on")
    assert pending(server.client, stream)[entry][0] == "one"
    gate.set()
    wait_until_all_is_done(server.client, stream)


def test_a_killed_host_comes_back_to_what_it_had(start_host, server, stream, app):
    """Long before minIdle: its own pending entries come first."""
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate), of=b"cut")
    host = reading(server, stream, start_host(income(server, stream, maxInFlight="1", minIdle="1h"), app=app))
    done = add(server.client, stream, b"done", b"cut", b"untouched")[0]
    app.wait_for(2, "/in")
    wait_until(lambda: done not in pending(server.client, stream), "the first is acknowledged")
    host.kill()
    gate.set()
    add(server.client, stream, b"later")
    start_host(income(server, stream, minIdle="1h", maxInFlight="1"), app=app)
    wait_until_all_is_done(server.client, stream)
    assert bodies(app) == [b"done", b"cut", b"cut", b"untouched", b"later"]
    again = app.requests("/in")[2]
    assert again.header("cleat-attempt") == "2"


def test_what_a_dead_consumer_had_goes_to_another_one(start_host, server, stream, app):
    gate = threading.Event()
    app.always("/in", lambda _: Answer(gate=gate))
    dead = reading(server, stream, start_host(income(server, stream, minIdle="4s"), app=app))
    add(server.client, stream, *(b"%d" % number for number in range(10)))
    app.wait_for(10, "/in")
    dead.kill()
    app.always("/in", 200)
    start_host(income(server, stream, consumer="two", minIdle="4s"), app=app)
    add(server.client, stream, b"new")
    wait_until(lambda: b"new" in bodies(app), "the other one reads")
    wait_until_all_is_done(server.client, stream)
    gate.set()
    assert sorted(bodies(app)[10:]) == sorted([b"new", *(b"%d" % number for number in range(10))])
    assert {request.header("cleat-attempt") for request in app.requests("/in")[10:] if request.body != b"new"} == {"2"}


def test_replicas_share_a_group(start_host, server, stream, app):
    for consumer in ("one", "two"):
        start_host(income(server, stream, consumer=consumer), app=app)
        wait_until(lambda: consumer.encode() in [each["name"] for each in server.client.xinfo_consumers(stream, "g")]
                   if group(server.client, stream) else False, f"{consumer} reads")
    add(server.client, stream, *(b"%d" % number for number in range(200)))
    app.wait_for(200, "/in")
    wait_until_all_is_done(server.client, stream)
    assert len(set(bodies(app))) == len(bodies(app)) == 200


def test_a_killed_server_gets_the_acknowledgement_of_what_ran_meanwhile(start_host, server, stream, app):
    gate = threading.Event()
    app.answer("/in", *(Answer(gate=gate) for _ in range(3)))
    host = reading(server, stream, start_host(income(server, stream), app=app))
    add(server.client, stream, b"0", b"1", b"2")
    app.wait_for(3, "/in")
    server.kill()
    host.wait_for_state("in", lambda state: "Redis at" in str(state), "it says that the server is gone")
    gate.set()
    server.start()
    wait_until_all_is_done(server.client, stream)
    add(server.client, stream, b"3")
    wait_until_all_is_done(server.client, stream)
    assert sorted(bodies(app)) == [b"0", b"1", b"2", b"3"]


def test_a_stop_under_load_gives_back_what_was_not_begun(start_host, server, stream, app):
    """The other consumer has it without waiting for minIdle, and nothing twice."""
    gate = threading.Event()
    app.always("/in", lambda _: Answer(gate=gate))
    host = reading(server, stream, start_host(income(server, stream, minIdle="1h", maxInFlight="4"), app=app))
    add(server.client, stream, *(b"%d" % number for number in range(200)))
    app.wait_for(4, "/in")
    threading.Timer(0.3, gate.set).start()
    assert host.stop() == 0
    app.always("/in", 200)
    start_host(income(server, stream, consumer="two", minIdle="1h"), app=app)
    wait_until_all_is_done(server.client, stream)
    assert len(set(bodies(app))) == len(bodies(app)) == 200


def test_a_dead_letter_keeps_the_name_of_its_entry(start_host, server, stream, app):
    app.always("/in", lambda request: 422 if request.body == b"bad" else 200)
    out = component("dlq", "bindings.redis", {"direction": "output", **server.fields()})
    start_host(income(server, stream, deadLetter="dlq", deadLetterMetadata='{"key": "dead-{id}"}'), out, app=app)
    _, bad = add(server.client, stream, b"good", b"bad")
    wait_until_all_is_done(server.client, stream)
    assert server.client.get(f"dead-{stream}@{bad}") == b"bad"


# --- what is missing ---


def test_a_group_that_was_destroyed_is_made_again(start_host, server, stream, app):
    reading(server, stream, start_host(income(server, stream, initialPosition="newest"), app=app))
    add(server.client, stream, b"first")
    wait_until_all_is_done(server.client, stream)
    server.client.xgroup_destroy(stream, "g")
    add(server.client, stream, b"between")
    app.wait_for(2, "/in")
    wait_until_all_is_done(server.client, stream)
    assert bodies(app) == [b"first", b"between"], "what came before is not repeated, what came meanwhile is not left out"


def test_a_stream_that_was_deleted_is_made_again(start_host, server, stream, app):
    reading(server, stream, start_host(income(server, stream), app=app))
    add(server.client, stream, b"first")
    wait_until_all_is_done(server.client, stream)
    server.client.delete(stream)
    wait_until(lambda: group(server.client, stream), "there is a group again")
    add(server.client, stream, b"second")
    wait_until_all_is_done(server.client, stream)
    assert bodies(app) == [b"first", b"second"]


def test_a_key_that_is_no_stream(start_host, server, stream, app):
    server.client.set(stream, "x")
    host = start_host(income(server, stream), app=app)
    state = host.wait_for_state("in", lambda state: "WRONGTYPE" in str(state), "what is wrong")
    assert state["state"] == "degraded", state
    server.client.delete(stream)
    add(server.client, stream, b"x")
    app.wait_for(1, "/in")
