"""A NATS message becomes a POST, and is acknowledged after the application answered."""

import threading
import time
import uuid

from conformance.cases.nats import CASE
from conformance.plugin import ABANDON, ACK, DOWN, REJECT, REQUEUE, STALLED, UP
from support.app import Answer
from support.fixtures import alone, serving
from support.gate import Gate
from support.host import component
from support.servers_nats import Nats
from support.wait import holds_for, wait_until

MAY_STILL_RUN = 1

server = serving(Nats)
plugin = alone(CASE, reads=True)


def income(server, stream=None, name="in", **fields):
    given = {"direction": "input", **server.fields(stream=stream, durable="d", ackWait="60s"), **fields}
    if stream is None:
        given.update(stream=None, durable=None, ackWait=None)
    return component(name, "bindings.nats", {key: value for key, value in given.items() if value is not None})


def reading(host, name="in"):
    host.wait_for_state(name, lambda state: "reads stream" in str(state) or "reads without JetStream" in str(state), "it reads")
    return host


def bodies(app, path="/in"):
    return [request.body for request in app.requests(path)]


# --- what an event is ---


def test_an_event_has_the_message_and_its_metadata(start_host, server, app):
    stream = server.stream()
    reading(start_host(income(server, stream), app=app))
    server.store(f"{stream}.eu.new", b"\0\1{}\n", headers={"Foo": "bar", "Content-Type": "text/plain", "subject": "mine", "dapr-api-token": "x"})
    event = app.wait_for(1, "/in")[0]
    assert event.body == b"\0\1{}\n"
    assert {name: event.header(name) for name in ("subject", "stream", "consumer", "sequence", "consumerSequence", "deliveryCount", "pending",
                                                  "foo", "cleat-content-type", "cleat-src-subject", "dapr-api-token")} == {
        "subject": f"{stream}.eu.new", "stream": stream, "consumer": "d", "sequence": "1", "consumerSequence": "1", "deliveryCount": "1",
        "pending": "0", "foo": "bar", "cleat-content-type": "text/plain", "cleat-src-subject": "mine", "dapr-api-token": None}
    assert abs(int(event.header("timestamp")) / 1000 - server.stored(stream)[0].time.timestamp()) < 0.01
    server.wait_for_acks(stream, "d", 1)


def test_a_filter_and_where_a_consumer_begins(start_host, server, app):
    stream = server.stream()
    server.store(f"{stream}.a", b"old")
    reading(start_host(income(server, stream, subjects=f"{stream}.a", deliverPolicy="new", maxDeliver="7", backOff="3s,5s"), app=app))
    server.store(f"{stream}.b", b"other")
    server.store(f"{stream}.a", b"new")
    assert app.wait_for(1, "/in")[0].body == b"new"
    config = server.consumer(stream, "d").config
    assert (config.filter_subject, config.max_deliver, config.backoff, config.max_ack_pending) == (f"{stream}.a", 7, [3, 5], 10_000)
    assert bodies(app) == [b"new"]


def test_a_back_off_without_an_end(start_host, server, app):
    stream = server.stream()
    reading(start_host(income(server, stream, ackWait=None, backOff="1s,2s"), app=app))
    assert (server.consumer(stream, "d").config.backoff, server.consumer(stream, "d").config.max_deliver) == ([1, 2], 10**9)


def test_fields_that_the_consumer_does_not_have_are_said(start_host, server, app):
    stream = server.stream()
    reading(start_host(income(server, stream), app=app)).stop()
    host = reading(start_host(income(server, stream, ackWait="2s"), app=app))
    host.wait_for_message("ackWait 60000 ms", "2000 ms", "delete it", level="warning")


# --- at least once ---


def test_a_handler_longer_than_ack_wait_runs_once(start_host, server, app):
    stream, gate = server.stream(), threading.Event()
    app.answer("/in", Answer(gate=gate))
    reading(start_host(income(server, stream, ackWait="4s"), app=app))
    server.store(f"{stream}.a", b"slow")
    app.wait_for(1, "/in")
    holds_for(lambda: len(app.requests("/in")) == 1, 10, "it was given out again while it was worked on")
    gate.set()
    server.wait_for_acks(stream, "d", 1)
    assert server.consumer(stream, "d").delivered.consumer_seq == 1


def test_a_killed_host_loses_nothing(start_host, server, app):
    stream, gate = server.stream(), threading.Event()
    app.answer("/in", 200, Answer(gate=gate))
    host = reading(start_host(income(server, stream, maxInFlight="1", ackWait="5s"), app=app))
    server.store(f"{stream}.a", b"done", b"cut", b"untouched")
    app.wait_for(2, "/in")
    wait_until(lambda: server.consumer(stream, "d").ack_floor.stream_seq == 1, "the first is acknowledged")
    host.kill()
    gate.set()
    start_host(income(server, stream, ackWait="5s"), app=app)
    wait_until(lambda: sorted(bodies(app)) == [b"cut", b"cut", b"done", b"untouched"], lambda: f"each again but the first: {bodies(app)}")
    again = [request for request in app.requests("/in") if request.body == b"cut"][1]
    assert again.header("deliveryCount") == "2" and again.header("cleat-attempt") == "2"
    server.wait_for_acks(stream, "d", 3)


def test_a_killed_server_gets_the_acknowledgement_of_what_ran_meanwhile(start_host, server, app):
    """Nothing runs twice, although the server has forgotten that it ever gave it out."""
    stream, gate = server.stream(), threading.Event()
    app.answer("/in", *(Answer(gate=gate) for _ in range(3)))
    host = reading(start_host(income(server, stream), app=app))
    server.store(f"{stream}.a", b"0", b"1", b"2")
    app.wait_for(3, "/in")
    server.kill()
    host.wait_for_state("in", lambda state: "NATS cannot be reached" in str(state), "it says that the server is gone")
    gate.set()
    server.start()
    reading(host)
    server.wait_for_acks(stream, "d", 3)
    server.store(f"{stream}.a", b"3")
    app.wait_for(4, "/in")
    assert sorted(bodies(app)) == [b"0", b"1", b"2", b"3"]


def test_a_handler_outlives_the_server(start_host, server, app):
    """The server comes back and gives the message out again, while the host still works on it."""
    stream, gate = server.stream(), threading.Event()
    app.answer("/in", Answer(gate=gate))
    host = reading(start_host(income(server, stream, ackWait="3s"), app=app))
    server.store(f"{stream}.a", b"slow")
    app.wait_for(1, "/in")
    server.kill()
    server.start()
    reading(host)
    holds_for(lambda: len(app.requests("/in")) == 1, 7, "it ran twice")
    gate.set()
    server.wait_for_acks(stream, "d", 1)


def test_replicas_share_a_consumer(start_host, server, app):
    stream = server.stream()
    for _ in range(2):
        reading(start_host(income(server, stream), app=app))
    server.store(f"{stream}.a", *(b"%d" % number for number in range(200)))
    app.wait_for(200, "/in")
    server.wait_for_acks(stream, "d", 200)
    assert len(set(bodies(app))) == len(bodies(app)) == 200


def test_a_stop_under_load_gives_back_what_was_not_begun(start_host, server, app):
    stream = server.stream()
    host = reading(start_host(income(server, stream, ackWait="60s", maxInFlight="4"), app=app))
    server.store(f"{stream}.a", *(b"%d" % number for number in range(100)))
    app.wait_for(100, "/in")
    gate = threading.Event()
    app.always("/in", lambda _: Answer(gate=gate))
    server.store(f"{stream}.a", *(b"%d" % number for number in range(100, 300)))
    app.wait_for(104, "/in")
    threading.Timer(0.3, gate.set).start()
    assert host.stop() == 0
    app.always("/in", 200)
    reading(start_host(income(server, stream, ackWait="60s"), app=app))
    wait_until(lambda: len(set(bodies(app))) == 300, lambda: f"all of them, without waiting for ackWait: {len(set(bodies(app)))}")
    server.wait_for_acks(stream, "d", 300)
    assert len(bodies(app)) == 300


def test_a_retry_is_held_and_a_dead_letter_keeps_its_name(start_host, server, app):
    stream, dead = server.stream(), server.stream()
    app.always("/in", lambda request: 422 if request.body == b"bad" else 200)
    start_host(income(server, stream, deadLetter="dlq"),
               component("dlq", "bindings.nats", server.fields(direction="output", jetstream="true", publishSubject=f"{dead}.x")), app=app)
    server.store(f"{stream}.a", b"good", b"bad")
    server.wait_for_acks(stream, "d", 2)
    message, = server.stored(dead)
    assert message.data == b"bad" and message.headers["Nats-Msg-Id"] == f"{stream}@2" and message.headers["cleat-last-status"] == "422"


# --- what is missing ---


def test_a_stream_that_is_missing_is_said_and_waited_for(start_host, server, app):
    stream = f"S{uuid.uuid4().hex[:10]}"
    host = start_host(income(server, stream), app=app)
    host.wait_for_state("in", lambda state: f"stream '{stream}' is not there" in str(state), "what is missing")
    server.stream(stream)
    reading(host)
    server.store(f"{stream}.a", b"x")
    app.wait_for(1, "/in")


def test_a_consumer_that_was_deleted_is_not_begun_anew_unasked(start_host, server, app):
    stream = server.stream()
    host = reading(start_host(income(server, stream), app=app))
    server.store(f"{stream}.a", b"first")
    server.wait_for_acks(stream, "d", 1)
    server.ask(lambda connection: connection.jetstream().delete_consumer(stream, "d"))
    host.wait_for_state("in", lambda state: "was deleted, and its position with it" in str(state), "what happened")
    assert bodies(app) == [b"first"]
    server.delete_stream(stream)
    server.stream(stream)
    server.store(f"{stream}.a", b"of the new stream")
    assert app.wait_for(2, "/in")[1].body == b"of the new stream"


def test_a_consumer_that_may_not_be_made(start_host, server, app):
    stream = server.stream()
    host = start_host(income(server, stream, createConsumer="false"), app=app)
    host.wait_for_state("in", lambda state: "is not there, and createConsumer is false" in str(state), "what is missing")
    assert server.consumer(stream, "d") is None


# --- without JetStream ---


def test_without_jetstream_a_queue_group_shares_what_comes(start_host, server, app):
    subject = f"c.{uuid.uuid4().hex[:8]}"
    for _ in range(2):
        reading(start_host(income(server, subjects=f"{subject}.*, {subject}", queueGroup="q"), app=app))
    server.publish(f"{subject}.a", *(b"%d" % number for number in range(50)), headers={"Foo": "bar"}, reply="to.me")
    server.publish(subject, b"")
    app.wait_for(51, "/in")
    holds_for(lambda: len(app.requests("/in")) == 51, 0.3, "a message came twice")
    event = next(request for request in app.requests("/in") if request.body == b"7")
    assert (event.header("subject"), event.header("reply"), event.header("foo"), event.header("stream")) == (f"{subject}.a", "to.me", "bar", None)


def test_without_jetstream_what_is_too_much_is_counted(start_host, server, app):
    subject, gate = f"c.{uuid.uuid4().hex[:8]}", threading.Event()
    app.always("/in", lambda _: Answer(gate=gate))
    host = reading(start_host(income(server, subjects=subject, maxBuffered="10", maxInFlight="1"), app=app))
    server.publish(subject, *(b"%d" % number for number in range(100)))
    state = host.wait_for_state("in", lambda state: "messages are lost" in str(state), "how many are lost")
    assert state["state"] == "degraded", state
    gate.set()


# --- what the host's words mean to the server: the plugin alone, in the hands of the test ---


def read(plugin, server, stream, window=64, **fields):
    plugin.run(server.fields(**{"stream": stream, "durable": "d", "ackWait": "120s", **fields}), "input")
    plugin.begin(window)
    return plugin


def test_requeue_is_a_nak_with_a_delay(plugin, server):
    stream = server.stream()
    read(plugin, server, stream)
    server.store(f"{stream}.a", b"again")
    first = plugin.wait_events(1)[0]
    assert (first.source_id, first.key, first.delivery_count) == (f"{stream}@1", f"{stream}.a", 1)
    began = time.monotonic()
    plugin.settle(REQUEUE, first.id, after=1.5)
    second = plugin.wait_events(2)[1]
    assert time.monotonic() - began >= 1.5, "it came before its time"
    assert second.id != first.id and (second.source_id, second.delivery_count) == (f"{stream}@1", 2)
    plugin.settle(REQUEUE, second.id)
    third = plugin.wait_events(3)[2]  # long before ackWait
    assert third.delivery_count == 3
    plugin.settle(ACK, third.id)
    server.wait_for_acks(stream, "d", 1)


def test_reject_is_a_term(plugin, server):
    stream = server.stream()
    read(plugin, server, stream, ackWait="4s")
    server.store(f"{stream}.a", b"poison")
    plugin.settle(REJECT, plugin.wait_events(1)[0].id)
    server.wait_for_acks(stream, "d", 1)
    holds_for(lambda: len(plugin.events()) == 1, 5, "it came again")


def test_abandon_is_a_nak(plugin, server):
    stream = server.stream()
    read(plugin, server, stream)
    server.store(f"{stream}.a", b"free")
    plugin.settle(ABANDON, plugin.wait_events(1)[0].id)
    plugin.settle(ACK, plugin.wait_events(2)[1].id)  # long before ackWait
    server.wait_for_acks(stream, "d", 1)


def test_what_the_application_may_still_work_on_comes_after_ack_wait(plugin, server):
    stream = server.stream()
    read(plugin, server, stream, ackWait="6s")
    server.store(f"{stream}.a", b"running")
    running = plugin.wait_events(1)[0]
    began = time.monotonic()
    plugin.settle(ABANDON, running.id, flags=MAY_STILL_RUN)
    again = plugin.wait_events(2)[1]
    # It was renewed each third of the time.
    assert again.data == b"running" and time.monotonic() - began > 1, "it came while the application may work on it"
    plugin.settle(ACK, again.id)
    server.wait_for_acks(stream, "d", 1)


def test_all_that_a_consumer_gives_out_is_unsettled(plugin, server):
    stream = server.stream()
    read(plugin, server, stream, maxAckPending="2")
    server.store(f"{stream}.a", b"0", b"1", b"2")
    events = plugin.wait_events(2)
    wait_until(lambda: plugin.health()[0] == STALLED, lambda: f"STALLED, it is {plugin.health()}")
    assert f"{stream}@1" in plugin.health()[1]
    plugin.settle(ACK, *(event.id for event in events))
    plugin.wait_events(3)
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    plugin.settle(ACK, plugin.events()[2].id)


def test_what_cannot_be_renewed_is_withdrawn(plugin, server):
    """The network is gone for longer than ackWait: the right to the events is lost, and the server gives them out again."""
    stream, gate = server.stream(), Gate(server.port("plain"))
    read(plugin, server, stream, url=f"127.0.0.1:{gate.port}", ackWait="5s")
    server.store(f"{stream}.a", b"0", b"1")
    first, second = plugin.wait_events(2)
    gate.flow("hold")
    wait_until(lambda: plugin.withdrawn() == {first.id, second.id}, lambda: f"both withdrawn{plugin.said()}")
    gate.cut()
    gate.flow()
    again = plugin.wait_events(4)[2:]
    assert {event.data for event in again} == {b"0", b"1"} and all(event.delivery_count >= 2 for event in again)
    plugin.settle(ACK, *(event.id for event in again))
    server.wait_for_acks(stream, "d", 2)
    gate.close()


def test_a_server_that_falls_silent_while_the_window_is_full_is_noticed(plugin, server):
    """Nothing is asked of it then, so that no answer can be missed."""
    stream, gate = server.stream(), Gate(server.port("plain"))
    read(plugin, server, stream, window=1, url=f"127.0.0.1:{gate.port}", ackWait="1h", pingInterval="1s")
    server.store(f"{stream}.a", b"0", b"1")
    plugin.wait_events(1)
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    gate.flow("hold")
    wait_until(lambda: plugin.health()[0] == DOWN, lambda: f"DOWN, it is {plugin.health()}")
    assert "does not answer" in plugin.health()[1]
    gate.close()


def test_an_acknowledgement_that_was_lost_is_sent_again(plugin, server):
    """It was on its way when the connection ended: the message comes again, and nobody works on it again."""
    stream, gate = server.stream(), Gate(server.port("plain"))
    read(plugin, server, stream, url=f"127.0.0.1:{gate.port}", ackWait="5s")
    server.store(f"{stream}.a", b"0", b"1")
    events = plugin.wait_events(2)
    gate.flow("hold")
    plugin.settle(ACK, *(event.id for event in events))
    gate.cut()
    gate.flow()
    server.wait_for_acks(stream, "d", 2)
    holds_for(lambda: len(plugin.events()) == 2, 6, "what is done with came again")
    gate.close()


def test_an_event_of_a_stream_that_was_made_anew_acknowledges_nothing(plugin, server):
    """The numbers begin again: an acknowledgement of the old message would be one of a new message that nobody worked on."""
    stream = server.stream()
    read(plugin, server, stream)
    server.store(f"{stream}.a", b"old")
    old = plugin.wait_events(1)[0]
    server.delete_stream(stream)
    server.stream(stream)
    server.store(f"{stream}.a", b"new")
    new = plugin.wait_events(2)[1]
    assert (old.source_id, new.source_id, new.data) == (f"{stream}@1", f"{stream}@1", b"new")
    plugin.settle(ACK, old.id)
    holds_for(lambda: server.consumer(stream, "d").num_ack_pending == 1, 1, "the new message is acknowledged")
    assert plugin.withdrawn() == {old.id}
    plugin.settle(ACK, new.id)
    server.wait_for_acks(stream, "d", 1)
