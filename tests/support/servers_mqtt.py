"""Eclipse Mosquitto through scripts/brokers, and paho-mqtt as a client that is not ours."""

import queue
import signal
import uuid

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .host import component
from .servers import Server
from .wait import wait_until

VERSIONS = {"3.1.1": paho.MQTTv311, "5": paho.MQTTv5}


def save(server):
    """Has the broker write its sessions to the disk. It does so when it ends and now and then, and kill -9 loses what came since:
    so a test that kills it says from when on nothing may be lost."""
    store = server.folder / "store" / "mosquitto.db"

    def version():
        return (store.stat().st_ino, store.stat().st_mtime_ns) if store.exists() else None
    before = version()
    server.signal(signal.SIGUSR1)
    wait_until(lambda: version() not in (None, before), "the broker has saved its sessions")


class Mosquitto(Server):
    def __init__(self, folder):
        super().__init__("mosquitto", folder)

    def port(self, name="plain"):
        return super().port(name)

    def url(self, listener="plain", login=""):
        scheme = "ssl" if "tls" in listener else "tcp"
        return f"{scheme}://{login}{'localhost' if 'tls' in listener else '127.0.0.1'}:{self.port(listener)}"

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")

    def client(self, version="5", **arguments):
        return Client(self.port(), version, **arguments)

    def publish(self, topic, *payloads, version="5", qos=1, retain=False, properties=None):
        """Returns when the broker has them all."""
        client = self.client(version)
        try:
            sent = [client.paho.publish(topic, payload, qos, retain, publish_properties(properties) if version == "5" else None)
                    for payload in payloads]
            for one in sent:
                one.wait_for_publish(30)
                assert one.is_published(), "the broker did not acknowledge a publication"
        finally:
            client.close()


def publish_properties(given):
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in (given or {}).items():
        setattr(properties, name, value)
    return properties


class Client:
    """A client of another make, connected. `clean=False` keeps its session, `expiry` seconds with MQTT 5; `manual`: only ack()
    acknowledges."""

    def __init__(self, port, version="5", name=None, clean=True, expiry=0, manual=False, user=None, password=None):
        version = VERSIONS[version]
        more = {} if version == paho.MQTTv5 else {"clean_session": clean}
        self.name = name or f"judge-{uuid.uuid4().hex[:10]}"
        self.messages = queue.Queue()
        self._connected, self._subscribed = queue.Queue(), queue.Queue()
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, self.name, protocol=version, manual_ack=manual, reconnect_on_failure=False,
                                **more)
        self.paho.max_inflight_messages_set(1000)
        if user:
            self.paho.username_pw_set(user, password)
        self.paho.on_message = lambda _client, _data, message: self.messages.put(message)
        self.paho.on_connect = lambda _client, _data, flags, reason, _properties: self._connected.put((flags, reason))
        self.paho.on_subscribe = lambda _client, _data, _mid, reasons, _properties: self._subscribed.put(reasons)
        properties = None
        if version == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry
        kwargs = {"clean_start": clean, "properties": properties} if version == paho.MQTTv5 else {}
        self.paho.connect("127.0.0.1", port, 30, **kwargs)
        self.paho.loop_start()
        self.flags, self.reason = self._connected.get(timeout=30)
        assert not self.reason.is_failure, self.reason

    def subscribe(self, topic, qos=1):
        self.paho.subscribe(topic, qos)
        reasons = self._subscribed.get(timeout=30)
        assert not any(reason.is_failure for reason in reasons), reasons
        return self

    def get(self, count=1, timeout=30):
        found = [self.messages.get(timeout=timeout) for _ in range(count)]
        return found if count > 1 else found[0]

    def is_empty(self):
        return self.messages.empty()

    def ack(self, message):
        self.paho.ack(message.mid, message.qos)

    def close(self):
        """With a DISCONNECT."""
        self.paho.disconnect()
        self.paho.loop_stop()

    def drop(self):
        """As if its machine had gone: the socket is closed without a word."""
        sock = self.paho.socket()
        self.paho.loop_stop()
        if sock is not None:
            sock.close()


def binding(broker, topic, version, direction, name, listener="plain", url=None, **fields):
    fields = {"url": url or broker.url(listener), "topic": topic, "consumerID": topic.replace("/", "-").replace("#", "all"),
              "protocolVersion": version, "direction": direction, **fields}
    return component(name, "bindings.mqtt3", fields)


def income(broker, topic, version="5", name="in", **fields):
    return binding(broker, topic, version, "input", name, **fields)


def outcome(broker, topic, version="5", name="out", **fields):
    return binding(broker, topic, version, "output", name, **fields)


def subscribed(host, name="in"):
    return host.wait_for_state(name, lambda state: "subscribed to" in str(state), "the topic is subscribed to")
