"""Azurite through scripts/brokers, and what a test asks of it by Azure's own clients."""

import uuid

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from .servers import Server
from .wait import wait_until

ACCOUNT, KEY = "acct", "c2VjcmV0LWtleS1mb3ItdGVzdHM="
# What Kafka of scripts/brokers lets in as Event Hubs does.
HUB_CONNECTION = ("Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;"
                  "SharedAccessKey=cGxhbnRlZC1rZXk=")
CREDENTIAL = {"account_name": ACCOUNT, "account_key": KEY}


class Azurite(Server):
    """One server in `folder`. After kill() or stop() it is started again on the same ports with what it holds."""

    def __init__(self, folder, start=True):
        super().__init__("azurite", folder, start)

    def endpoint(self, service, scheme="http"):
        return f"{scheme}://{self.address(service)}"

    def connection_string(self, **more):
        parts = {"DefaultEndpointsProtocol": "http", "AccountName": ACCOUNT, "AccountKey": KEY,
                 "BlobEndpoint": f"{self.endpoint('blob')}/{ACCOUNT}", "QueueEndpoint": f"{self.endpoint('queue')}/{ACCOUNT}", **more}
        return ";".join(f"{key}={value}" for key, value in parts.items())

    def key_fields(self, service):
        return {"accountName": ACCOUNT, "accountKey": KEY, "endpoint": self.endpoint(service)}

    @property
    def queues(self):
        return QueueServiceClient(f"{self.endpoint('queue')}/{ACCOUNT}", credential=CREDENTIAL)

    @property
    def blobs(self):
        return BlobServiceClient(f"{self.endpoint('blob')}/{ACCOUNT}", credential=CREDENTIAL)

    def make_queue(self, name=None):
        """Its client."""
        found = self.queues.get_queue_client(name or f"q-{uuid.uuid4().hex[:12]}")
        try:
            found.create_queue()
        except ResourceExistsError:
            pass
        return found

    def make_container(self):
        found = self.blobs.get_container_client(f"c-{uuid.uuid4().hex[:12]}")
        found.create_container()
        return found


def wait_until_empty(queue):
    """Not even an invisible message is left."""
    def count():
        return queue.get_queue_properties().approximate_message_count
    wait_until(lambda: count() == 0, lambda: f"nothing left in {queue.queue_name}, there are {count()}")
