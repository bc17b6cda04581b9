"""Google's Pub/Sub server for tests through scripts/brokers, and what a test asks of it by Google's own client."""

import json
import os
import urllib.parse
import urllib.request
import uuid
from unittest import mock

from google.api_core.exceptions import DeadlineExceeded
from google.cloud import pubsub_v1
from google.protobuf.field_mask_pb2 import FieldMask

from .servers import Server
from .wait import wait_until

PROJECT = "shop"


def topic_of(name):
    return f"projects/{PROJECT}/topics/{name}"


def subscription_of(name):
    return f"projects/{PROJECT}/subscriptions/{name}"


class PubSub(Server):
    """One server in `folder`. A subscription has the name of its topic."""

    def __init__(self, folder, start=True):
        super().__init__("pubsub", folder, start)

    @property
    def url(self):
        return f"http://{self.address('http')}"

    def _client(self, kind, *options):
        with mock.patch.dict(os.environ, {"PUBSUB_EMULATOR_HOST": self.address("grpc")}):
            return kind(*options)

    @property
    def publisher(self):
        return self._client(pubsub_v1.PublisherClient, (), pubsub_v1.types.PublisherOptions(enable_message_ordering=True))

    @property
    def subscriber(self):
        return self._client(pubsub_v1.SubscriberClient)

    def topic(self, name=None, deadline=10, ordered=False, dead_letters_after=None):
        """The name of a topic with a subscription. What goes to its dead letters goes to the topic NAME-dead, which has one too."""
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        with self.publisher as publisher, self.subscriber as subscriber:
            publisher.create_topic(name=topic_of(name))
            more = {}
            if dead_letters_after is not None:
                self.topic(name + "-dead")
                more["dead_letter_policy"] = {"dead_letter_topic": topic_of(name + "-dead"), "max_delivery_attempts": dead_letters_after}
            subscriber.create_subscription({"name": subscription_of(name), "topic": topic_of(name), "ack_deadline_seconds": deadline,
                                            "enable_message_ordering": ordered, **more})
        return name

    def put_aside_after(self, name, count):
        policy = {"dead_letter_topic": topic_of(name + "-dead"), "max_delivery_attempts": count}
        with self.subscriber as subscriber:
            subscriber.update_subscription(subscription={"name": subscription_of(name), "dead_letter_policy": policy},
                                           update_mask=FieldMask(paths=["dead_letter_policy"]))

    def publish(self, name, *payloads, key="", **attributes):
        """Returns when the server has them all; the ids."""
        with self.publisher as publisher:
            return [each.result(30) for each in [publisher.publish(topic_of(name), payload, key, **attributes) for payload in payloads]]

    def pull(self, name, most=1000):
        """What is there, acknowledged."""
        with self.subscriber as subscriber:
            try:
                found = subscriber.pull(subscription=subscription_of(name), max_messages=most, timeout=5).received_messages
            except DeadlineExceeded:
                return []
            if found:
                subscriber.acknowledge(subscription=subscription_of(name), ack_ids=[each.ack_id for each in found])
            return [each.message for each in found]

    def pull_all(self, name, count, deadline=30.0):
        found = []

        def more():
            found.extend(self.pull(name))
            return len(found) >= count
        wait_until(more, lambda: f"{count} messages, there were {len(found)}", deadline)
        return found

    def accounts(self, name):
        """By the server's own account: the id of each message of the topic, how often it was given out, and acknowledged."""
        with urllib.request.urlopen(f"{self.url}/messages?topic={urllib.parse.quote(topic_of(name))}", timeout=10) as answer:
            return json.load(answer)

    def wait_until_acknowledged(self, name, count, deadline=30.0):
        def is_done():
            found = self.accounts(name)
            return len(found) >= count and all(each["acks"] for each in found)
        wait_until(is_done, lambda: f"all {count} messages acknowledged: {self.accounts(name)}"[:500], deadline)
