"""What the host's words mean to Redis: the plugin alone, in the hands of the test."""

import time
import uuid

import pytest

from conformance.cases.redis import CASE
from conformance.plugin import ABANDON, ACK, DEGRADED, DOWN, REQUEUE, UP
from support.fixtures import alone, serving
from support.gate import Gate
from support.servers_redis import Redis, add, group, pending, wait_until_all_is_done
from support.wait import holds_for, wait_until

MAY_STILL_RUN = 1

server = serving(Redis)
plugin = alone(CASE, reads=True)


@pytest.fixture
def stream():
    return f"stream-{uuid.uuid4().hex[:10]}"


def read(plugin, server, stream, window=64, **fields):
    plugin.run(server.fields(stream=stream, consumerGroup="g", consumerID="one", **{"minIdle": "120s", **fields}), "input")
    plugin.begin(window)
    return plugin


def test_requeue_comes_again_when_it_is_due(plugin, server, stream):
    entry, = add(server.client, stream, b"again")
    read(plugin, server, stream)
    first = plugin.wait_events(1)[0]
    assert (first.source_id, first.lane, first.delivery_count) == (f"{stream}@{entry}", 0, 1)
    began = time.monotonic()
    plugin.settle(REQUEUE, first.id, after=1.5)
    second = plugin.wait_events(2)[1]  # long before minIdle
    assert time.monotonic() - began >= 1.5, "it came before its time"
    assert second.id != first.id and (second.source_id, second.delivery_count) == (first.source_id, 2)
    plugin.settle(REQUEUE, second.id)
    third = plugin.wait_events(3)[2]
    assert third.delivery_count == 3
    plugin.settle(ACK, third.id)
    wait_until_all_is_done(server.client, stream)


def test_abandon_is_for_anybody(plugin, server, stream):
    add(server.client, stream, b"free")
    read(plugin, server, stream)
    plugin.settle(ABANDON, plugin.wait_events(1)[0].id)
    plugin.settle(ACK, plugin.wait_events(2)[1].id)  # long before minIdle
    wait_until_all_is_done(server.client, stream)


def test_what_the_application_may_still_work_on_comes_after_min_idle(plugin, server, stream):
    add(server.client, stream, b"running")
    read(plugin, server, stream, minIdle="6s")
    running = plugin.wait_events(1)[0]
    began = time.monotonic()
    plugin.settle(ABANDON, running.id, flags=MAY_STILL_RUN)
    again = plugin.wait_events(2)[1]
    # It was renewed each third of the time.
    assert again.data == b"running" and time.monotonic() - began > 1, "it came while the application may work on it"
    plugin.settle(ACK, again.id)
    wait_until_all_is_done(server.client, stream)


def test_what_a_user_of_an_input_needs(plugin, server, stream):
    """It may not make groups: one that is there will do."""
    server.client.acl_setuser("incoming", enabled=True, passwords=["+small-secret"], keys=["*"], reset=True,
                              commands=["+xreadgroup", "+xack", "+xclaim", "+xautoclaim", "+xpending", "+xrange", "+xlen"])
    read(plugin, server, stream, minIdle="5s", redisUsername="incoming", redisPassword="small-secret")
    wait_until(lambda: plugin.health()[0] == DEGRADED and "NOGROUP" in plugin.health()[1], lambda: f"DEGRADED, it is {plugin.health()}")
    server.client.xgroup_create(stream, "g", "0", mkstream=True)
    add(server.client, stream, b"0", b"1")
    first, second = plugin.wait_events(2)
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    plugin.settle(ACK, first.id)
    holds_for(lambda: all(idle < 5000 for _, idle, _ in pending(server.client, stream).values()), 6, "leases are not renewed")
    plugin.settle(REQUEUE, second.id)
    plugin.settle(ACK, plugin.wait_events(3)[2].id)
    wait_until_all_is_done(server.client, stream)
    assert "NOPERM" not in plugin.said()


def test_a_full_window_reads_no_further(plugin, server, stream):
    add(server.client, stream, *(b"%d" % number for number in range(20)))
    read(plugin, server, stream, window=3, minIdle="4s")
    plugin.wait_events(3)
    holds_for(lambda: len(pending(server.client, stream)) == 3 and len(plugin.events()) == 3, 5, "more than the window was taken")
    plugin.window(20)
    plugin.wait_events(20)
    plugin.settle(ACK, *(event.id for event in plugin.events()))
    wait_until_all_is_done(server.client, stream)


def test_a_pause_holds_leases_and_leaves_the_rest_to_others(plugin, server, stream):
    add(server.client, stream, b"0", b"1")
    read(plugin, server, stream, minIdle="5s")
    events = plugin.wait_events(2)
    plugin.end()
    plugin.settle(ACK, events[0].id)
    later, = add(server.client, stream, b"2")
    wait_until(lambda: len(pending(server.client, stream)) == 1, "the first is acknowledged")
    holds_for(lambda: all(idle < 5000 for _, idle, _ in pending(server.client, stream).values()), 6, "the lease of the other was not renewed")
    assert later not in pending(server.client, stream) and len(plugin.events()) == 2
    plugin.begin()
    assert plugin.wait_events(3)[2].data == b"2"
    plugin.settle(ACK, events[1].id, plugin.events()[2].id)
    wait_until_all_is_done(server.client, stream)


def test_what_was_trimmed_while_it_was_pending_is_counted(plugin, server, stream):
    """By somebody who died, and by us."""
    add(server.client, stream, *(b"%d" % number for number in range(3)))
    server.client.xgroup_create(stream, "g", "0")
    server.client.xreadgroup("g", "dead", {stream: ">"}, count=1)
    server.client.xreadgroup("g", "one", {stream: ">"}, count=1)
    server.client.xtrim(stream, maxlen=1, approximate=False)
    read(plugin, server, stream, minIdle="4s")
    assert plugin.wait_events(1)[0].data == b"2"

    def lost():
        return "lost" in plugin.said() and '"lost", "2"' in plugin.said()
    wait_until(lost, lambda: f"two are counted{plugin.said()}")
    plugin.settle(ACK, plugin.events()[0].id)
    wait_until_all_is_done(server.client, stream)


def test_what_was_trimmed_while_it_was_out_is_not_taken_away(plugin, server, stream):
    """The application can still do it: only when it is given back there is nothing left."""
    add(server.client, stream, b"0", b"1")
    read(plugin, server, stream, minIdle="4s")
    first, second = plugin.wait_events(2)
    server.client.xtrim(stream, maxlen=0)
    holds_for(lambda: plugin.withdrawn() == set(), 5, "it was withdrawn")
    plugin.settle(ACK, first.id)
    plugin.settle(REQUEUE, second.id)
    wait_until(lambda: '"lost", "1"' in plugin.said(), lambda: f"one is counted{plugin.said()}")


def test_what_cannot_be_renewed_is_withdrawn(plugin, server, stream):
    """The network is gone for longer than minIdle: the right to the events is lost."""
    gate = Gate(server.port("plain"))
    add(server.client, stream, b"0", b"1")
    read(plugin, server, stream, redisHost=f"127.0.0.1:{gate.port}", minIdle="4s")
    first, second = plugin.wait_events(2)
    gate.flow("hold")
    wait_until(lambda: plugin.withdrawn() == {first.id, second.id}, lambda: f"both withdrawn{plugin.said()}")
    gate.cut()
    gate.flow()
    again = plugin.wait_events(4)[2:]
    assert {event.data for event in again} == {b"0", b"1"} and all(event.delivery_count >= 2 for event in again)
    plugin.settle(ACK, *(event.id for event in again))
    wait_until_all_is_done(server.client, stream)
    gate.close()


def test_an_acknowledgement_that_was_lost_is_sent_again(plugin, server, stream):
    gate = Gate(server.port("plain"))
    add(server.client, stream, b"0", b"1")
    read(plugin, server, stream, redisHost=f"127.0.0.1:{gate.port}")
    events = plugin.wait_events(2)
    gate.flow("hold")
    plugin.settle(ACK, *(event.id for event in events))
    gate.cut()
    gate.flow()
    wait_until_all_is_done(server.client, stream)
    holds_for(lambda: len(plugin.events()) == 2, 1, "what is done with came again")
    gate.close()


def test_what_a_lost_answer_brought_is_asked_for_again(plugin, server, stream):
    """The server has given it to us, and we have never seen it: it comes with the next connection and not after minIdle."""
    gate = Gate(server.port("plain"))
    add(server.client, stream, b"0")
    read(plugin, server, stream, redisHost=f"127.0.0.1:{gate.port}", minIdle="1h")
    first = plugin.wait_events(1)[0]
    gate.flow("delay", 5)  # it does not come through before the connection is cut
    add(server.client, stream, b"1")
    wait_until(lambda: len(pending(server.client, stream)) == 2, "it was given out")
    gate.cut()
    gate.flow()
    second = plugin.wait_events(2)[1]
    assert (second.data, second.delivery_count) == (b"1", 2)
    assert {taken for _, _, taken in pending(server.client, stream).values()} == {1, 2}, "what is out was not given out again"
    plugin.settle(ACK, first.id, second.id)
    wait_until_all_is_done(server.client, stream)
    gate.close()


def vanish(server, stream, *payloads):
    """The group is gone, and these entries are added before anybody can have noticed."""
    with server.client.pipeline(transaction=True) as together:
        together.xgroup_destroy(stream, "g")
        for payload in payloads:
            together.xadd(stream, {"data": payload})
        together.execute()


def test_what_is_out_when_its_group_vanishes_comes_again(plugin, server, stream):
    """The group that is made instead has never given it out: it must begin before it."""
    read(plugin, server, stream, initialPosition="newest", minIdle="1h")
    wait_until(lambda: group(server.client, stream), "it reads")
    add(server.client, stream, b"0", b"1")
    first, second = plugin.wait_events(2)
    vanish(server, stream)
    wait_until(lambda: len(pending(server.client, stream)) == 2, "both are pending in the new group")
    plugin.settle(REQUEUE, first.id)
    plugin.settle(ACK, second.id)
    again = plugin.wait_events(3)[2]
    assert again.data == b"0"
    plugin.settle(ACK, again.id)
    wait_until_all_is_done(server.client, stream)
    assert len(plugin.events()) == 3


def test_what_is_given_back_while_its_group_is_gone_comes_again(plugin, server, stream):
    read(plugin, server, stream, window=1, initialPosition="newest", minIdle="1h")
    wait_until(lambda: group(server.client, stream), "it reads")
    add(server.client, stream, b"0")
    first = plugin.wait_events(1)[0]
    vanish(server, stream)
    plugin.settle(REQUEUE, first.id)  # the window was full, so nothing was read that could have said that the group is gone
    again = plugin.wait_events(2)[1]
    assert again.data == b"0"
    plugin.settle(ACK, again.id)
    wait_until_all_is_done(server.client, stream)


def test_a_group_that_vanishes_before_anything_was_read_begins_where_it_did(plugin, server, stream):
    add(server.client, stream, b"old")
    read(plugin, server, stream, initialPosition="newest", minIdle="1h")
    wait_until(lambda: (group(server.client, stream) or {"consumers": 0})["consumers"], "it reads")
    vanish(server, stream, b"new")
    event, = plugin.wait_events(1)
    assert event.data == b"new"
    plugin.settle(ACK, event.id)
    wait_until_all_is_done(server.client, stream)


def test_signs_of_life_while_nothing_can_be_read(plugin, server, stream):
    """The window is full of what was pending already, and the application takes its time."""
    add(server.client, stream, *(b"%d" % number for number in range(5)))
    server.client.xgroup_create(stream, "g", "0")
    server.client.xreadgroup("g", "one", {stream: ">"})
    read(plugin, server, stream, window=1, minIdle="1h")
    plugin.wait_events(1)
    before = plugin.signs()
    wait_until(lambda: plugin.signs() >= before + 2, "it is alive")
    plugin.window(5)
    plugin.wait_events(5)
    assert plugin.health()[0] == UP


def test_reading_goes_on_after_a_silence(plugin, server, stream):
    read(plugin, server, stream, minIdle="1h")
    wait_until(lambda: plugin.health()[0] == UP and group(server.client, stream), "it reads")
    server.pause()
    wait_until(lambda: plugin.health()[0] == DOWN, lambda: f"DOWN, it is {plugin.health()}")
    server.resume()
    add(server.client, stream, b"x")
    plugin.settle(ACK, plugin.wait_events(1)[0].id)
    wait_until_all_is_done(server.client, stream)
