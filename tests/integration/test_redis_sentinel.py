"""The master of a replicated set, by the word of its sentinels."""

import threading
import uuid

import pytest

from conformance.cases.redis import CASE
from conformance.plugin import DOWN, OK, UP
from support.fixtures import alone, serving
from support.host import component
from support.servers_redis import Sentinels, add, wait_until_all_is_done
from support.wait import wait_until

server = serving(Sentinels)
plugin = alone(CASE)


@pytest.fixture
def whole(server):
    """The set with a master and its two replicas, whatever the test before did to it."""
    server.wait_for_replicas(2)
    return server


@pytest.fixture
def name():
    return f"t-{uuid.uuid4().hex[:10]}"


def connected(plugin, server, **fields):
    plugin.run(server.fields(**fields), "output")
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    return plugin


def down(plugin, fields, *words):
    plugin.run(fields, "output")
    wait_until(lambda: plugin.health()[0] == DOWN and all(word in plugin.health()[1] for word in words),
               lambda: f"DOWN with {words}, it is {plugin.health()}")


def test_the_master_is_found_through_any_sentinel(plugin, whole, name):
    """Of the first one nothing is heard."""
    hosts = f"127.0.0.1:1,{whole.address('sentinel2')}"
    connected(plugin, whole, redisHost=hosts).good("create", b"v", {"key": name})
    assert whole.client().get(name) == b"v"


def test_a_user_of_the_sentinels(plugin, whole, name):
    connected(plugin, whole, sentinelUsername="bob", sentinelPassword="bob-secret").good("create", b"v", {"key": name})


def test_a_wrong_password_of_the_sentinels(plugin, whole):
    down(plugin, whole.fields(sentinelPassword="not-the-secret-one"), "no sentinel names a master", "WRONGPASS")
    assert "not-the-secret-one" not in plugin.said()


def test_a_master_that_nobody_knows(plugin, whole):
    down(plugin, whole.fields(sentinelMasterName="other"), "no master of the name 'other'")


def test_what_is_no_sentinel(plugin, whole):
    down(plugin, whole.fields(redisHost=whole.address("node1"), sentinelPassword="redis-secret"), "no sentinel names a master")


def test_a_master_that_dies(start_host, plugin, whole, name, app):
    """Calls go on with the new one; what was read is read on, and nothing is left out."""
    stream = f"stream-{name}"
    fields = whole.fields(stream=stream, consumerGroup="g", consumerID="one", minIdle="2s")
    host = start_host(component("in", "bindings.redis", {"direction": "input", **fields}), app=app)
    connected(plugin, whole)
    add(whole.client(), stream, *(b"%d" % number for number in range(50)))
    wait_until_all_is_done(whole.client(), stream)
    whole.wait_for_replicas(2)
    dead = whole.master_name()
    whole.kill_node(dead)
    wait_until(lambda: plugin.health()[0] == DOWN, "DOWN")
    refused = plugin.call("create", b"v", {"key": name})
    assert refused.status != OK and refused.retryable and refused.took < 5
    master = whole.wait_for_another_master(dead)
    wait_until(lambda: plugin.call("create", b"after", {"key": name}).status == OK, "it works with the new master")
    assert whole.node(master).get(name) == "after"
    add(whole.client(), stream, *(b"%d" % number for number in range(50, 100)))
    wait_until_all_is_done(whole.client(), stream)
    assert {request.body for request in app.requests("/in")} == {b"%d" % number for number in range(100)}
    whole.start_node(dead)
    host.wait_for_state("in", lambda state: state["state"] == "running", "it is well again")


def test_a_master_that_is_replaced_while_it_lives(plugin, whole, name):
    """It goes on taking writes until it is told, which nobody has afterwards: once one has gone to the new master, none goes to it."""
    connected(plugin, whole)
    before, over, written = whole.master_name(), threading.Event(), []

    def write():
        number = 0
        while not over.is_set():
            number += 1
            if plugin.call("create", b"%d" % number, {"key": f"{name}-{number}"}).status == OK:
                written.append(number)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        whole.fail_over()
        master = whole.node(whole.wait_for_another_master(before))
        agreed = len(written)
        first = wait_until(lambda: next((number for number in written[agreed:] if master.exists(f"{name}-{number}")), None),
                           "it writes to the new master")
        goal = len(written) + 20
        wait_until(lambda: len(written) >= goal, "it goes on")
    finally:
        over.set()
        writer.join()
    whole.wait_for_replicas(2)
    assert whole.node_at(master.connection_pool.connection_kwargs["port"]) == whole.master_name()
    lost = [number for number in written if number >= first and master.get(f"{name}-{number}") != f"{number}"]
    assert lost == []
