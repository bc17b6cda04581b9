"""A hundred instances leave nothing behind: no descriptor, no thread, no byte."""

import pytest

from support.wait import wait_until

from .plugin import OK

# One-time things of a client library and of the allocator settle in the first rounds.
WARM_UP, ROUNDS, TRIES = 10, 100, 3


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


@pytest.mark.timeout(480)
def test_a_hundred_instances_leave_nothing(case, bench):
    plugin = bench.plugin()
    fields = bench.input() if case.source is not None else bench.output()
    assert plugin.use(fields, "input" if case.source is not None else "output").status == OK
    for _ in range(WARM_UP):
        one_life(case, plugin)
    seen = [plugin.resources()]
    for _ in range(TRIES):
        for _ in range(ROUNDS):
            one_life(case, plugin)
        # The kernel counts a thread that was joined until it has taken it down.
        wait_until(lambda: plugin.resources()["threads"] <= seen[0]["threads"], lambda: f"no thread is left: {seen}, {plugin.resources()}")
        seen.append(plugin.resources())
        assert seen[-1]["fds"] == seen[0]["fds"], seen
        # Less than a byte for each instance. What is there once is no leak, such as the stacks of more threads than ever before were
        # there at a time: a leak grows each time.
        if seen[-1]["heap"] - seen[-2]["heap"] < ROUNDS * (1 + case.library_keeps):
            return
    raise AssertionError(seen)
