"""A plugin that breaks one rule at a time: the suite has to notice each."""

import pytest

from support.host import BUILD

from .case import Case
from .plugin import ACK, REQUEUE, Plugin
from .test_resources import one_life

RUDE = Case(plugin="rude", secrets=("do-not-tell",))


@pytest.fixture
def rude(tmp_path):
    made = []

    def start(breach):
        plugin = Plugin(RUDE, tmp_path, BUILD / "tests" / "fakes")
        made.append(plugin)
        plugin.use({"breach": breach, "password": "do-not-tell"})
        plugin.create()
        return plugin
    yield start
    for plugin in made:
        plugin.kill()


def is_blamed(plugin, words):
    """close() is what ends every test; it has to fail, and to say why."""
    with pytest.raises(AssertionError) as caught:
        plugin.close()
    assert words in str(caught.value)


@pytest.mark.parametrize("breach, words", [("bad-health", "unknown state 17"), ("uses-a-number-twice", "number of an earlier event"),
                                           ("overfills-a-lane", "the window allows 1")])
def test_a_breach_of_an_input(rude, breach, words):
    plugin = rude(breach)
    plugin.init()
    plugin.start()
    plugin.begin(64, 0, 1)
    is_blamed(plugin, words)


def test_a_lane_that_was_closed(rude):
    plugin = rude("goes-on-in-a-closed-lane")
    plugin.init()
    plugin.start()
    plugin.begin()
    plugin.settle(REQUEUE, plugin.wait_events(1)[0].id)
    is_blamed(plugin, "which was closed")


def test_a_good_settlement_is_no_breach(rude):
    plugin = rude("goes-on-in-a-closed-lane")
    plugin.init()
    plugin.start()
    plugin.begin()
    plugin.settle(ACK, plugin.wait_events(1)[0].id)
    assert plugin.violations() == []


def test_a_call_that_is_kept(rude):
    plugin = rude("keeps-a-call")
    plugin.init()
    plugin.start()
    plugin.invoke("create")
    plugin.stop()
    is_blamed(plugin, "stop() returned with 1 calls not completed")


def test_a_function_that_blocks(rude):
    plugin = rude("blocks")
    plugin.init()
    plugin.start()
    plugin.call("create")
    is_blamed(plugin, "invoke(), a [hot] function, took")


def test_words_after_the_stop(rude):
    plugin = rude("speaks-after-stop")
    plugin.init()
    plugin.start()
    plugin.stop()
    plugin.free()
    is_blamed(plugin, "set_health() after stop() had returned")


def test_a_failure_without_a_word(rude):
    plugin = rude("fails-without-a-word")
    plugin.init()
    is_blamed(plugin, "failed without a word")


def test_a_secret(rude):
    plugin = rude("tells-a-secret")
    plugin.init()
    plugin.free()
    is_blamed(plugin, "a secret in")


def test_a_crash(rude):
    plugin = rude("crashes")
    plugin.init()
    plugin.start()
    with pytest.raises(AssertionError, match="the process ended"):
        plugin.invoke("create")
    is_blamed(plugin, "it ended with")


@pytest.mark.parametrize("breach, what", [("keeps-a-descriptor", "fds"), ("keeps-a-thread", "threads"), ("keeps-bytes", "heap")])
def test_what_is_left_behind(rude, breach, what):
    plugin = rude(breach)
    plugin.free()
    before = plugin.resources()[what]
    for _ in range(100):
        one_life(RUDE, plugin)
    assert plugin.resources()[what] > before
