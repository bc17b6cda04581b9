"""RabbitMQ through scripts/brokers, and what a test asks of it by another client than ours."""

import json
import logging
import os
import ssl
import subprocess
import urllib.parse
import urllib.request
import uuid
from base64 import b64encode

import pika
from pika.exceptions import AMQPError

from .servers import Server
from .wait import wait_until

BIN = "/usr/lib/rabbitmq/bin"
# It warns of each channel that a question for what is not there closes.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class RabbitMq(Server):
    """One broker in `folder`. After kill() or stop() it is started again on the same ports with its durable queues."""

    def __init__(self, folder, start=True):
        super().__init__("rabbitmq", folder, start)

    def uri(self, user="guest", password="guest", port=None, vhost="", scheme="amqp", host="127.0.0.1"):
        return f"{scheme}://{user}:{password}@{host}:{port or self.port('amqps' if scheme == 'amqps' else 'amqp')}/{vhost}"

    def fields(self, queue, **more):
        """What a component needs; a queue of make_queue()."""
        given = {"host": self.uri(), "queueName": queue, "durable": "true", "reconnectWaitInSeconds": "1s", **more}
        return {key: value for key, value in given.items() if value is not None}

    def connect(self, vhost="/", **options):
        login = pika.PlainCredentials("guest", "guest")
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.port("amqp"), vhost, login, **options))

    def connect_tls(self):
        context = ssl.create_default_context(cadata=self.tls("ca.pem"))
        options = pika.SSLOptions(context, "localhost")
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.port("amqps"), ssl_options=options))

    def make_queue(self, name=None, **arguments):
        """A durable queue; x_queue_type becomes x-queue-type."""
        name = name or f"q-{uuid.uuid4().hex[:10]}"
        with self.connect() as connection:
            connection.channel().queue_declare(name, durable=True, arguments={key.replace("_", "-"): value for key, value in arguments.items()})
        return name

    def remember_queues(self):
        """A queue that was made less than two seconds before the broker is killed may be gone with all that is in it: the broker
        confirms messages that are on the disk, and writes down later that there is a queue."""
        self.ctl("eval", "mnesia:sync_log().")

    def delete_queue(self, name):
        with self.connect() as connection:
            connection.channel().queue_delete(name)

    def publish(self, queue, *payloads, exchange="", **properties):
        with self.connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for payload in payloads:
                channel.basic_publish(exchange, queue, payload, pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)

    def take(self, queue, count=1, deadline=30.0):
        """The next messages of a queue, acknowledged: (method, properties, body)."""
        found = []
        with self.connect() as connection:
            channel = connection.channel()

            def more():
                while len(found) < count and (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                    found.append(got)
                return len(found) >= count
            wait_until(more, lambda: f"{count} messages in {queue}, there were {len(found)}", deadline)
        return found

    def take_all(self, queue):
        with self.connect() as connection:
            channel = connection.channel()
            found = []
            while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                found.append(got)
            return found

    def _declared(self, queue):
        with self.connect() as connection:
            try:
                return connection.channel().queue_declare(queue, passive=True).method
            except AMQPError:
                return None

    def ready(self, queue):
        """How many messages wait in a queue, those not counted that were given out; None if it is not there."""
        found = self._declared(queue)
        return found and found.message_count

    def consumers(self, queue):
        found = self._declared(queue)
        return found.consumer_count if found else 0

    def wait_for_consumers(self, queue, count=1):
        wait_until(lambda: self.consumers(queue) == count, lambda: f"{count} consumers of {queue}, there are {self.consumers(queue)}")

    def wait_until_all_is_done(self, queue, deadline=30.0):
        """Waits until a queue holds nothing, neither ready nor given out."""
        self.wait_until_it_holds(queue, 0, deadline)

    def wait_until_it_holds(self, queue, count, deadline=30.0):
        """Waits until a queue holds so many messages, those that were given out among them."""
        def messages():
            listed = json.loads(self.ctl("list_queues", "--silent", "--formatter", "json", "name", "messages", "messages_unacknowledged"))
            return next(each for each in listed if each["name"] == queue)
        wait_until(lambda: self.ready(queue) <= count and messages()["messages"] == count, lambda: f"{queue} holds {count}; {messages()}", deadline)

    def api(self, path, method="GET"):
        login = b64encode(b"guest:guest").decode()
        request = urllib.request.Request(f"http://{self.address('management')}/api/{path}", method=method, headers={"Authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None

    def ctl(self, *arguments):
        """rabbitmqctl of this very broker."""
        environment = {**os.environ, "HOME": str(self.folder), "RABBITMQ_CONF_ENV_FILE": "/dev/null", "ERL_EPMD_PORT": str(self.port("epmd")),
                       "RABBITMQ_NODENAME": f"cleat-{self.port('amqp')}@localhost"}
        done = subprocess.run([f"{BIN}/rabbitmqctl", *map(str, arguments)], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"rabbitmqctl {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def memory_alarm(self, is_on):
        self.ctl("set_vm_memory_high_watermark", "0.00000001" if is_on else "0.6")

    def close_connections(self, name_part=""):
        """As an operator does."""
        for each in self.api("connections"):
            if name_part in str(each.get("client_properties", {}).get("connection_name", "")):
                self.api(f"connections/{urllib.parse.quote(each['name'])}", "DELETE")
