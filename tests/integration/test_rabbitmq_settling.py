"""What the host's words mean to RabbitMQ: the plugin alone, in the hands of the test."""

import pytest

from conformance.cases.rabbitmq import CASE
from conformance.plugin import ABANDON, ACK, DEGRADED, DOWN, REJECT, REQUEUE, UP
from support.fixtures import alone, serving
from support.gate import Gate
from support.servers_rabbitmq import RabbitMq
from support.wait import holds_for, wait_until

MAY_STILL_RUN = 1

server = serving(RabbitMq)
plugin = alone(CASE, reads=True)


@pytest.fixture
def queue(server):
    return server.make_queue()


def read(plugin, server, queue, window=64, **fields):
    plugin.run(server.fields(queue, **fields), "input")
    plugin.begin(window)
    return plugin


def test_requeue_and_abandon_give_back(plugin, server, queue):
    server.publish(queue, b"x")
    read(plugin, server, queue)
    first = plugin.wait_events(1)[0]
    assert first.delivery_count == 1
    plugin.settle(REQUEUE, first.id)
    second = plugin.wait_events(2)[1]
    assert second.id != first.id and second.delivery_count == 0 and ["redelivered", "true"] in second.metadata
    plugin.settle(ABANDON, second.id)
    plugin.settle(ACK, plugin.wait_events(3)[2].id)
    server.wait_until_all_is_done(queue)


def test_what_the_application_may_still_do_stays_out(plugin, server, queue):
    server.publish(queue, b"x")
    read(plugin, server, queue, deliveryTimeout="6s")
    plugin.settle(ABANDON, plugin.wait_events(1)[0].id, flags=MAY_STILL_RUN)
    holds_for(lambda: len(plugin.events()) == 1 and server.ready(queue) == 0, 1.0, "it was given back")
    plugin.settle(ACK, plugin.wait_events(2)[1].id)
    server.wait_until_all_is_done(queue)


def test_what_is_held_too_long_is_withdrawn_and_given_back(plugin, server, queue):
    """What is out, and what waits in the plugin for the window."""
    server.publish(queue, b"0", b"1")
    read(plugin, server, queue, window=1, prefetchCount="10", deliveryTimeout="2s")
    first = plugin.wait_events(1)[0]
    wait_until(lambda: plugin.withdrawn() == {first.id}, lambda: f"it is withdrawn{plugin.said()}")
    events = plugin.wait_events(3)
    assert {event.data for event in events[1:]} == {b"0", b"1"} or [event.data for event in events] == [b"0", b"0", b"0"]
    assert "deliveryTimeout" in plugin.said()
    plugin.end()
    plugin.begin(64)


def test_reject_needs_the_operators_word(plugin, server, queue):
    server.publish(queue, b"x")
    read(plugin, server, queue)
    plugin.settle(REJECT, plugin.wait_events(1)[0].id)
    plugin.settle(ACK, plugin.wait_events(2)[1].id)
    server.wait_until_all_is_done(queue)


def test_prefetch_follows_the_window_without_giving_back(plugin, server):
    """A larger window gets a consumer more; what is out stays out, and nothing is given out twice."""
    name = server.make_queue(x_queue_type="quorum")
    server.publish(name, *(b"%d" % number for number in range(300)))
    read(plugin, server, name, window=10, queueType="quorum")
    plugin.wait_events(10)
    wait_until(lambda: server.ready(name) == 290, lambda: f"{server.ready(name)} are ready, of 300 with 10 out")
    holds_for(lambda: server.ready(name) == 290, 0.5, lambda: f"{server.ready(name)} are ready, of 300 with 10 out")
    for window in (20, 150, 160, 300):
        plugin.window(window)
    plugin.wait_events(300)
    assert [event.data for event in plugin.events()] == [b"%d" % number for number in range(300)]
    assert {event.delivery_count for event in plugin.events()} == {1}
    plugin.settle(ACK, *(event.id for event in plugin.events()))
    server.wait_until_all_is_done(name)


def test_prefetch_count_is_what_the_operator_says(plugin, server, queue):
    server.publish(queue, *(b"%d" % number for number in range(50)))
    read(plugin, server, queue, window=5, prefetchCount="20")
    plugin.wait_events(5)
    wait_until(lambda: server.ready(queue) == 30, lambda: f"20 are prefetched, {server.ready(queue)} are ready")
    plugin.window(50)
    plugin.wait_events(20)
    holds_for(lambda: len(plugin.events()) == 20, 0.5, "more than the prefetch count is out")


def test_a_long_pause_gives_the_surplus_to_others(plugin, server, queue):
    server.publish(queue, *(b"%d" % number for number in range(50)))
    read(plugin, server, queue, window=5, prefetchCount="20")
    plugin.wait_events(5)
    plugin.window(0)
    wait_until(lambda: server.ready(queue) == 45, lambda: f"all but what is out is ready again; {server.ready(queue)}", 60)
    server.wait_for_consumers(queue, 0)
    plugin.window(100)
    plugin.settle(ACK, *(event.id for event in plugin.events()))
    events = plugin.wait_events(25)
    assert [event.data for event in events] == [b"%d" % number for number in range(25)], "in the order of the queue"


def test_a_message_that_is_about_to_be_dropped_is_an_alarm(plugin, server):
    name = server.make_queue(x_queue_type="quorum", x_delivery_limit=100)
    server.publish(name, b"poison", message_id="m-1")
    with server.connect() as connection:
        channel = connection.channel()

        def give_back(count):
            for _ in range(count):
                wait_until(lambda: (got := channel.basic_get(name))[0] is not None and (channel.basic_nack(got[0].delivery_tag) or True), "a message")
        give_back(15)
    read(plugin, server, name, declare="false")
    event = plugin.wait_events(1)[0]
    assert event.delivery_count == 16
    wait_until(lambda: plugin.health()[0] == DEGRADED, lambda: f"it is degraded{plugin.said()}")
    assert "'m-1'" in plugin.health()[1] and "delivery limit" in plugin.said()
    plugin.settle(ACK, event.id)
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"it is well again{plugin.said()}")


def test_what_was_out_when_the_connection_broke_is_withdrawn(plugin, server, queue):
    gate = Gate(server.port("amqp"))
    server.publish(queue, b"0", b"1")
    read(plugin, server, queue, host=server.uri(port=gate.port))
    before = plugin.wait_events(2)
    gate.flow("refuse")
    gate.cut()
    wait_until(lambda: plugin.withdrawn() == {event.id for event in before}, lambda: f"both are withdrawn{plugin.said()}")
    wait_until(lambda: plugin.health()[0] == DOWN, "it is down")
    plugin.settle(ACK, *(event.id for event in before))
    gate.flow()
    again = plugin.wait_events(4)[2:]
    assert [event.data for event in again] == [b"0", b"1"], "an answer for the old channel acknowledges nothing of the new one"
    plugin.settle(ACK, *(event.id for event in again))
    server.wait_until_all_is_done(queue)
    gate.close()


def test_a_ping_is_answered_by_the_broker(plugin, server, queue):
    read(plugin, server, queue)
    wait_until(lambda: plugin.ping().status == 0, "it answers")
    server.pause()
    try:
        assert plugin.ping(0.5).status == 11
    finally:
        server.resume()
    wait_until(lambda: plugin.ping().status == 0, "it answers again")
