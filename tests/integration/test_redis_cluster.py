"""A cluster: each command goes to the node that has its key's slot, also while slots move and nodes die."""

import threading
import uuid

from conformance.cases.redis import CASE
from conformance.plugin import DEGRADED, DOWN, OK, UP
from support.fixtures import alone, serving
from support.host import component
from support.servers_redis import Cluster, Redis, add, wait_until_all_is_done
from support.wait import wait_until

MASTERS = ("node1", "node2", "node3")

server = serving(Cluster)
plugin = alone(CASE)


def connected(plugin, server, *nodes, **fields):
    plugin.run(server.fields(*nodes, **fields), "output")
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    return plugin


class Load:
    """Writes and counts without a pause, one call after the other, and keeps what went wrong. A context."""

    def __init__(self, plugin, keys):
        self._plugin, self._keys, self._over = plugin, keys, threading.Event()
        self.calls, self.failures = 0, []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.is_set():
            calls = [self._plugin.invoke("increment", b"", {"key": key}) for key in self._keys]
            for ended in map(self._plugin.wait, calls):
                self.calls += 1
                if ended.status != OK:
                    self.failures.append(ended)

    def wait_for(self, more):
        goal = self.calls + more
        wait_until(lambda: self.calls >= goal, lambda: f"{goal} calls, there were {self.calls}")


def test_each_key_is_where_another_client_looks_for_it(plugin, server):
    connected(plugin, server, "node2")
    keys = [uuid.uuid4().hex for _ in range(100)] + ["{user}.a", "a{user}b", "{}x", "{{a}}", "a{b", "}{c}"]
    for key in keys:
        plugin.good("create", key.encode(), {"key": key, "ttl": "10m"})
    client = server.client()
    assert [client.get(key) for key in keys] == [key.encode() for key in keys]
    assert {server.owner(server.slot(key)) for key in keys} == set(MASTERS)
    assert plugin.good("get", b"", {"key": keys[0]}).data == keys[0].encode()
    plugin.good("delete", b"", {"key": keys[0]})
    assert client.get(keys[0]) is None
    counted = plugin.good("increment", b"", {"key": f"{{{keys[1]}}}n", "ttl": "1h"})
    assert counted.data == b"1" and 3_500_000 < client.pttl(f"{{{keys[1]}}}n") <= 3_600_000


def test_the_first_nodes_named_may_be_gone(plugin, server):
    connected(plugin, server, redisHost=f"127.0.0.1:1,{server.address('node3')}").good("create", b"v", {"key": server.key_of("node1")})


def test_a_replica_is_as_good_to_ask(plugin, server):
    connected(plugin, server, "node4").good("create", b"v", {"key": server.key_of("node1")})


def test_a_slot_that_has_moved(plugin, server):
    key = server.key_of("node1")
    connected(plugin, server).good("create", b"before", {"key": key})
    server.move(server.slot(key), "node2")
    assert plugin.good("get", b"", {"key": key}).data == b"before"
    plugin.good("create", b"after", {"key": key})
    assert server.client().get(key) == b"after"


def test_a_slot_that_is_moving(plugin, server):
    """What has gone already is asked for at the other node, and what has not is where it was."""
    gone, other = server.key_of("node2"), uuid.uuid4().hex
    there = f"{{{gone}}}{other}"
    connected(plugin, server)
    plugin.good("create", b"gone", {"key": gone})
    slot = server.slot(gone)
    source = server.begin_move(slot, "node5")
    server.move_keys(slot, source, "node5")
    before = server.node(source).info("commandstats")
    assert plugin.good("get", b"", {"key": gone}).data == b"gone"
    plugin.good("create", b"new", {"key": there})
    assert server.node("node5").info("commandstats")["cmdstat_asking"]["calls"] >= 2, "it was sent on with ASKING"
    assert server.node(source).info("commandstats")["cmdstat_set"].get("calls") == before["cmdstat_set"].get("calls")
    server.end_move(slot, source, "node5")
    assert plugin.good("get", b"", {"key": there}).data == b"new"


def test_what_a_user_needs(plugin, server):
    for name in (*MASTERS, "node5"):  # which may have a slot by now
        server.node(name).acl_setuser("small", enabled=True, passwords=["+small-secret"], keys=["*"], reset=True,
                                      commands=["+set", "+asking", "+cluster|slots"])
    connected(plugin, server, redisUsername="small", redisPassword="small-secret").good("create", b"v", {"key": server.key_of("node3")})


def test_slots_that_move_under_load(plugin, server):
    """No call fails, and each was done once, also when the slot goes to a node that had none and back."""
    keys = [server.key_of(node) for node in ("node1", "node3")] + [server.key_of("node3")]
    connected(plugin, server)
    with Load(plugin, keys) as load:
        load.wait_for(50)
        for key in keys:
            source = server.move(server.slot(key), "node5")
            load.wait_for(50)
            server.move(server.slot(key), source)
            load.wait_for(50)
    assert load.failures == []
    client = server.client()
    assert sum(int(client.get(key)) for key in keys) == load.calls


def test_a_stream_whose_slot_moves(start_host, server, app):
    stream = server.key_of("node2", "stream")
    fields = server.fields(stream=stream, consumerGroup="g", consumerID="one", minIdle="2s")
    start_host(component("in", "bindings.redis", {"direction": "input", **fields}), app=app)
    client = server.client()
    add(client, stream, *(b"%d" % number for number in range(20)))
    app.wait_for(20, "/in")
    server.move(server.slot(stream), "node3")
    add(client, stream, *(b"%d" % number for number in range(20, 40)))
    app.wait_for(40, "/in")
    server.move(server.slot(stream), "node5")
    add(client, stream, *(b"%d" % number for number in range(40, 60)))
    wait_until_all_is_done(client, stream)
    assert {request.body for request in app.requests("/in")} == {b"%d" % number for number in range(60)}


def test_a_master_that_dies(plugin, server):
    """Its replica takes over; meanwhile the keys of the others are served, and the health says that some are not."""
    lost, kept = server.key_of("node1"), server.key_of("node2")
    connected(plugin, server)
    plugin.good("create", b"v", {"key": lost})
    server.node("node1").wait(1, 5000)
    server.kill_node("node1")
    wait_until(lambda: plugin.health()[0] == DEGRADED and "slots are not served" in plugin.health()[1], lambda: f"DEGRADED, it is {plugin.health()}")
    refused = plugin.call("create", b"v", {"key": lost})
    assert refused.status != OK and refused.retryable and refused.took < 5
    plugin.good("create", b"v", {"key": kept})
    wait_until(lambda: plugin.call("create", b"after", {"key": lost}).status == OK, "the replica has taken over", 60)
    wait_until(lambda: plugin.health()[0] == UP, lambda: f"UP, it is {plugin.health()}")
    assert server.node("node4").get(lost) == "after"
    server.start_node("node1")
    server.wait_until_it_is_whole()


def test_all_nodes_are_gone(plugin):
    plugin.run({"redisHost": "127.0.0.1:1,127.0.0.1:2", "redisType": "cluster"}, "output")
    wait_until(lambda: plugin.health()[0] == DOWN and "no node of the cluster can be reached" in plugin.health()[1], lambda: f"{plugin.health()}")
    refused = plugin.call("create", b"v", {"key": "k"})
    assert refused.status != OK and refused.retryable and refused.took < 5


def test_a_server_that_is_no_cluster(plugin, tmp_path_factory):
    alone = Redis(tmp_path_factory.mktemp("redis"))
    try:
        plugin.run(alone.fields(redisType="cluster"), "output")
        wait_until(lambda: plugin.health()[0] == DOWN and "cluster support disabled" in plugin.health()[1], lambda: f"{plugin.health()}")
    finally:
        alone.stop()
