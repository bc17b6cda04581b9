"""Redis through scripts/brokers, alone, with sentinels and as a cluster, and what a test asks of it by another client than ours."""

import os
import signal
import subprocess
import uuid

import redis

from .servers import Server
from .wait import wait_until

LOGIN = {"redisUsername": "alice", "redisPassword": "alice-secret"}
PASSWORD = "redis-secret"


class Redis(Server):
    """One server in `folder`. After kill() or stop() it is started again on the same ports with its data."""

    def __init__(self, folder, start=True):
        super().__init__("redis", folder, start)
        self.client = redis.Redis(port=self.port("plain"), password=PASSWORD) if start else None

    def fields(self, **more):
        """What a component needs to be let in."""
        return {"redisHost": self.address("plain"), **LOGIN, **more}


def add(client, stream, *payloads, field="data"):
    """Returns the ids of the entries."""
    return [client.xadd(stream, {field: payload}).decode() for payload in payloads]


def pending(client, stream, group="g"):
    """What is pending in a group: id to (consumer, idle time in milliseconds, how often it was given out)."""
    try:
        found = client.xpending_range(stream, group, "-", "+", 10_000)
    except redis.ResponseError:
        return {}
    return {each["message_id"].decode(): (each["consumer"].decode(), each["time_since_delivered"], each["times_delivered"]) for each in found}


def group(client, stream, name="g"):
    """What the server says of a group; None if it is not there."""
    try:
        return next((each for each in client.xinfo_groups(stream) if each["name"].decode() == name), None)
    except redis.ResponseError:
        return None


def wait_until_all_is_done(client, stream, name="g", deadline=30.0):
    """Waits until a group has read the whole stream and acknowledged it."""
    def done():
        try:
            found, last = group(client, stream, name), client.xinfo_stream(stream)["last-generated-id"]
        except redis.RedisError:
            return False
        return found is not None and found["pending"] == 0 and found["last-delivered-id"] == last
    wait_until(done, lambda: f"{stream} is done by {name}; {group(client, stream, name)}, pending: {pending(client, stream, name)}", deadline)


class Nodes(Server):
    """Several servers whose parts are started, killed and paused one by one."""

    def __init__(self, name, folder):
        self._started = []
        super().__init__(name, folder)

    def stop(self):
        for process in self._started:
            process.kill()
            process.wait()
        super().stop()

    def node(self, name):
        """A client of one of them."""
        return redis.Redis(port=self.port(name), password=PASSWORD, decode_responses=True)

    def node_at(self, port):
        return next(name for name, its_port in self.state["ports"].items() if its_port == port)

    def pid(self, name):
        return self.node(name).info("server")["process_id"]

    def kill_node(self, name):
        os.kill(self.pid(name), signal.SIGKILL)

    def start_node(self, name):
        """One that was killed, as it was."""
        self._started.append(subprocess.Popen(["redis-server", self.folder / f"{name}.conf"], stdin=subprocess.DEVNULL,
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


class Sentinels(Nodes):
    """A master with two replicas and three sentinels."""

    def __init__(self, folder):
        super().__init__("redis-sentinel", folder)

    def fields(self, **more):
        hosts = ",".join(self.address(f"sentinel{number}") for number in (1, 2, 3))
        return {"redisHost": hosts, "failover": "true", "sentinelMasterName": "mymaster", "sentinelPassword": "sentinel-secret", **LOGIN, **more}

    def _sentinel(self, number=3):
        return redis.Redis(port=self.port(f"sentinel{number}"), password="sentinel-secret", decode_responses=True)

    def master_name(self):
        """The node that the sentinels call master."""
        return self.node_at(int(self._sentinel().sentinel_get_master_addr_by_name("mymaster")[1]))

    def fail_over(self):
        """Another master is chosen although this one lives."""
        self._sentinel().execute_command("SENTINEL", "FAILOVER", "mymaster")

    def wait_for_another_master(self, than):
        """One that all sentinels agree upon and that answers as such."""
        def found():
            names = {int(self._sentinel(number).sentinel_get_master_addr_by_name("mymaster")[1]) for number in (1, 2, 3)}
            name = self.node_at(names.pop())
            return name if not names and name != than and self.node(name).info("replication")["role"] == "master" else None
        return wait_until(found, f"another master than {than}", 60)

    def wait_for_replicas(self, count):
        """So many follow the master, with all that it has."""
        def follow():
            found = self.node(self.master_name()).info("replication")
            states = [found[f"slave{number}"] for number in range(found["connected_slaves"])]
            return [each["state"] for each in states] == ["online"] * count and all(each["offset"] == found["master_repl_offset"] for each in states)
        wait_until(follow, lambda: f"{count} replicas follow; {self.node(self.master_name()).info('replication')}", 60)

    def client(self):
        return redis.Redis(port=self.port(self.master_name()), password=PASSWORD)


class Cluster(Nodes):
    """Three masters with the slots, a replica of the first, and a master without slots."""

    def __init__(self, folder):
        super().__init__("redis-cluster", folder)

    def fields(self, *nodes, **more):
        return {"redisHost": ",".join(self.address(node) for node in nodes or ("node1", "node2", "node3")), "redisType": "cluster", **LOGIN, **more}

    def client(self):
        """One that finds its way: somebody else's CRC16 and slots."""
        return redis.RedisCluster(startup_nodes=[redis.cluster.ClusterNode("127.0.0.1", self.port(f"node{number}")) for number in (2, 3, 5)],
                                  password=PASSWORD)

    def key_of(self, name, prefix="k"):
        """A new key whose slot a node has now."""
        while True:
            key = f"{prefix}-{uuid.uuid4().hex[:8]}"
            if self.owner(self.slot(key)) == name:
                return key

    def slot(self, key):
        return self.node("node3").cluster("KEYSLOT", key)

    def _ranges(self):
        for first, last, master, *_ in self.node("node3").execute_command("CLUSTER SLOTS", NEVER_DECODE=True):
            yield int(first), int(last), int(master[1])

    def owner(self, slot):
        """The node that has it, as node3 sees it."""
        return next(self.node_at(port) for first, last, port in self._ranges() if first <= slot <= last)

    def id_of(self, name):
        return self.node(name).cluster("MYID")

    def begin_move(self, slot, to):
        """The slot is on its way: who asks for a key that has gone already is told ASK."""
        source = self.owner(slot)
        self.node(to).cluster("SETSLOT", slot, "IMPORTING", self.id_of(source))
        self.node(source).cluster("SETSLOT", slot, "MIGRATING", self.id_of(to))
        return source

    def move_keys(self, slot, source, to):
        node = self.node(source)
        while keys := node.cluster("GETKEYSINSLOT", slot, 100):
            node.execute_command("MIGRATE", "127.0.0.1", self.port(to), "", 0, 5000, "AUTH", PASSWORD, "KEYS", *keys)

    def end_move(self, slot, source, to):
        """From here on who asks the old owner is told MOVED."""
        for name in (to, source, *(node for node in ("node1", "node2", "node3", "node5") if node not in (to, source))):
            self.node(name).cluster("SETSLOT", slot, "NODE", self.id_of(to))

    def move(self, slot, to):
        source = self.begin_move(slot, to)
        self.move_keys(slot, source, to)
        self.end_move(slot, source, to)
        return source

    def wait_until_it_is_whole(self):
        """Each node serves all slots and knows who has them, and the first has its replica."""
        def whole():
            try:
                found = [self.node(f"node{number}").cluster("INFO") for number in range(1, 6)]
                links = [self.node(name).info("replication") for name in ("node1", "node4")]
            except redis.RedisError:
                return False
            return all(each["cluster_state"] == "ok" and each["cluster_slots_fail"] == "0" for each in found) and \
                any(each.get("master_link_status") == "up" for each in links)
        wait_until(whole, "the cluster is whole", 60)
