"""Order, windows, verdicts, and what becomes of events when the server or the host ends."""

from support.wait import holds_for, wait_until

from .plugin import ABANDON, ACK, OK, REJECT, REQUEUE, UP


def numbered(count, start=0):
    return [b'{"number": %d}' % number for number in range(start, start + count)]


def run_input(bench, events=64, per_lane=0):
    plugin = bench.plugin().run(bench.input(), "input")
    plugin.begin(events, 0, per_lane)
    return plugin


def finish(plugin):
    """The end in the order of the contract."""
    plugin.end()
    plugin.settle(ABANDON, *(event.id for event in plugin.events()))
    plugin.stop()
    plugin.free()


def payloads(events):
    return [event.data for event in events]


def settle_all(plugin, wanted, deadline=60.0):
    """Acknowledges what comes until so many different payloads, or all of these payloads, have been acknowledged."""
    done, seen = set(), set()

    def more():
        fresh = [event for event in plugin.events() if event.id not in done]
        if fresh:
            plugin.settle(ACK, *(event.id for event in fresh))
            done.update(event.id for event in fresh)
            seen.update(event.data for event in fresh)
        return seen >= wanted if isinstance(wanted, set) else len(seen) >= wanted
    wait_until(more, lambda: f"different payloads: {wanted}, there were {len(seen)}{plugin.said()}", deadline)
    return seen


def test_events_arrive_whole_and_in_order(source, bench):
    sent = [*numbered(50), bytes(range(256)), b"", b"x" * source.source.largest, b"null", b'"quoted"']
    plugin = run_input(bench, 1000)
    bench.publish(*sent)
    events = plugin.wait_events(len(sent))
    assert sorted(payloads(events)) == sorted(sent)
    if source.source.ordered:
        assert payloads(events) == sent
    assert len({event.id for event in events}) == len(events)
    plugin.settle(ACK, *(event.id for event in events))
    finish(plugin)


def test_a_window_of_one(source, bench):
    plugin = run_input(bench, 1)
    bench.publish(*numbered(5))
    for count in range(1, 6):
        events = plugin.wait_events(count)
        holds_for(lambda: len(plugin.events()) == count, 0.2, "one event was out, and a second came")
        plugin.settle(ACK, events[-1].id)
    finish(plugin)


def test_a_window_of_a_thousand(source, bench):
    sent = numbered(1100)
    bench.publish(*sent)
    plugin = run_input(bench, 1000)
    events = plugin.wait_events(1000, 60)
    holds_for(lambda: len(plugin.events()) == 1000, 0.3, "more came than the window allows")
    plugin.settle(ACK, *(event.id for event in events))
    assert sorted(payloads(plugin.wait_events(1100, 60))) == sorted(sent)
    plugin.settle(ACK, *(event.id for event in plugin.events()))
    finish(plugin)


def test_settled_late_comes_once(source, bench):
    plugin = run_input(bench)
    bench.publish(*numbered(3))
    events = plugin.wait_events(3)
    # Longer than the leases of the cases.
    holds_for(lambda: len(plugin.events()) == 3, 6.0, "an event came again while it was out")
    plugin.settle(ACK, *(event.id for event in reversed(events)))
    bench.publish(b"last")
    assert payloads(plugin.wait_events(4))[3:] == [b"last"]
    plugin.settle(ACK, plugin.events()[3].id)
    finish(plugin)


def test_what_is_acknowledged_does_not_come_again(source, bench):
    plugin = run_input(bench)
    bench.publish(*numbered(10))
    plugin.settle(ACK, *(event.id for event in plugin.wait_events(10)))
    finish(plugin)
    second = run_input(bench)
    bench.publish(b"fresh")
    assert payloads(second.wait_events(1)) == [b"fresh"]
    second.settle(ACK, second.events()[0].id)
    finish(second)


def test_what_is_abandoned_comes_again(source, bench):
    plugin = run_input(bench)
    bench.publish(*numbered(10))
    events = plugin.wait_events(10)
    plugin.settle(ACK, *(event.id for event in events[:4]))
    finish(plugin)
    second = run_input(bench)
    seen = settle_all(second, 6, source.source.again_within + 30)
    abandoned = set(payloads(events[4:]))
    assert seen >= abandoned
    if source.source.ordered:
        assert seen == abandoned
    finish(second)


def test_what_is_given_back_comes_again(returning_source, bench):
    plugin = run_input(bench)
    bench.publish(b"again")
    first = plugin.wait_events(1)[0]
    plugin.settle(REQUEUE, first.id, after=0.5)
    second = plugin.wait_events(2, returning_source.source.again_within + 30)[1]
    assert second.data == b"again" and second.id != first.id
    plugin.settle(ACK, second.id)
    finish(plugin)


def test_what_is_rejected_is_put_aside(rejecting_source, bench):
    plugin = run_input(bench)
    bench.publish(b"poison", b"good")
    events = {event.data: event for event in plugin.wait_events(2)}
    plugin.settle(REJECT, events[b"poison"].id)
    plugin.settle(ACK, events[b"good"].id)
    wait_until(lambda: rejecting_source.source.dead_letters(bench.server, bench.place) == [b"poison"], "the rejected event put aside")
    finish(plugin)


def test_pause_and_resume(source, bench):
    plugin = run_input(bench)
    bench.publish(b"first")
    plugin.settle(ACK, plugin.wait_events(1)[0].id)
    plugin.window(0)
    bench.publish(*numbered(5))
    holds_for(lambda: len(plugin.events()) == 1, 0.5, "an event came through a window of 0")
    plugin.window(64)
    plugin.settle(ACK, *(event.id for event in plugin.wait_events(6)[1:]))
    plugin.end()
    bench.publish(b"meanwhile")
    holds_for(lambda: len(plugin.events()) == 6, 0.5, "an event came after end_input()")
    plugin.begin(64)
    assert plugin.wait_events(7)[6].data == b"meanwhile"
    plugin.settle(ACK, plugin.events()[6].id)
    finish(plugin)


def test_a_killed_host_loses_nothing(source, bench):
    plugin = run_input(bench)
    bench.publish(*numbered(20))
    events = plugin.wait_events(20)
    plugin.settle(ACK, *(event.id for event in events[:5]))
    plugin.kill()
    second = run_input(bench)
    # What was acknowledged may come again: the plugin may not have got to telling it.
    settle_all(second, set(payloads(events[5:])), source.source.again_within + 60)
    finish(second)


def test_a_killed_server_loses_nothing(durable_source, bench):
    plugin = run_input(bench)
    bench.publish(*numbered(20))
    events = plugin.wait_events(20)
    bench.server.kill()
    bench.server.start()
    # The right to these is gone or not: either way none may be lost.
    plugin.settle(ACK, *(event.id for event in events[:5]))
    plugin.settle(ABANDON, *(event.id for event in events[5:]))
    bench.publish(b"afterwards")
    wait_until(lambda: b"afterwards" in payloads(plugin.events()), lambda: f"the event after the restart{plugin.said()}", 90)
    finish(plugin)
    second = run_input(bench)
    known = set(payloads(events[:5]))
    seen = set()

    def all_of_them():
        fresh = second.events()
        second.settle(ACK, *(event.id for event in fresh))
        seen.update(payloads(fresh))
        return seen | known >= {*numbered(20), b"afterwards"}
    wait_until(all_of_them, lambda: f"all events again, there were {len(seen)}{second.said()}", durable_source.source.again_within + 60)
    finish(second)


def test_an_absent_server_is_waited_for(served_source, bench):
    bench.publish(b"early")
    bench.server.kill()
    plugin = bench.plugin()
    assert plugin.use(bench.input(), "input").status == OK
    for attempt in range(100):
        plugin.create()
        assert plugin.init().status == OK
        if plugin.start(5).status == OK:
            break
        # A client that cannot wait says so, and the host makes a new instance.
        plugin.free()
        if attempt == 1:
            bench.server.start()
    plugin.begin()
    bench.server.start()
    if served_source.source.survives_server:
        plugin.wait_events(1, 90)
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"health UP, it is {plugin.health()}{plugin.said()}", 60)
    finish(plugin)


def test_stop_under_load(source, bench):
    plugin = run_input(bench, 200)
    bench.publish(*numbered(500))
    events = plugin.wait_events(200, 60)
    plugin.settle(ACK, *(event.id for event in events[:100]))
    finish(plugin)


def test_an_absent_server_does_not_hold_the_stop(far_source, bench, closed_port):
    plugin = bench.plugin()
    assert plugin.use(bench.input(**far_source.nobody(closed_port)), "input").status == OK
    plugin.create()
    assert plugin.init().status == OK
    reply = plugin.start(5)
    if reply.status != OK:
        assert reply.text
        plugin.free()
        return
    plugin.begin()
    wait_until(lambda: plugin.health()[0] != UP and plugin.health()[1], lambda: f"health with a reason{plugin.said()}")
    plugin.end(5)
    plugin.stop(5)
    plugin.free()
