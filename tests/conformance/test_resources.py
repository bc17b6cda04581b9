"""A hundred instances leave nothing behind: no descriptor, no thread, no byte."""

from support.wait import wait_until

from .plugin import OK

# One-time things of a client library and of the allocator settle in the first rounds.
WARM_UP, ROUNDS = 10, 100


def one_life(case, plugin):
    plugin.create()
    assert plugin.init().status == OK
    reply = plugin.start()
    assert reply.status == OK, reply.text
    if case.source is not None:
        plugin.begin()
        plugin.end()
    plugin.stop()
    plugin.free()


def test_a_hundred_instances_leave_nothing(case, bench):
    plugin = bench.plugin()
    fields = bench.input() if case.source is not None else bench.output()
    assert plugin.use(fields, "input" if case.source is not None else "output").status == OK
    for _ in range(WARM_UP):
        one_life(case, plugin)
    before = plugin.resources()
    for _ in range(ROUNDS):
        one_life(case, plugin)
    # The kernel counts a thread that was joined until it has taken it down.
    wait_until(lambda: plugin.resources()["threads"] <= before["threads"], lambda: f"no thread is left: {before}, {plugin.resources()}")
    after = plugin.resources()
    assert after["fds"] == before["fds"], (before, after)
    # Less than a byte for each instance: what is there once is no leak.
    assert after["heap"] - before["heap"] < ROUNDS * (1 + case.library_keeps), (before, after)
