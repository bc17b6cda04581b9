"""Servers that speak AWS's protocols, through scripts/brokers, and what a test asks of them by boto3."""

import contextlib
import datetime
import json
import pathlib
import urllib.parse
import urllib.request
import uuid
from unittest import mock

import boto3
import botocore.auth
from botocore.config import Config

from .servers import Server
from .wait import wait_until

REGION = "us-east-1"


class AwsServer(Server):
    keys = {"accessKey": "any-key", "secretKey": "any-secret"}

    def url(self):
        return f"http://{self.address('http')}"

    def fields(self, **more):
        """What a component needs to be let in."""
        return {"endpoint": self.url(), "region": REGION, **self.keys, **more}

    def client(self, service, read_timeout=60, make=boto3.client, **more):
        return make(service, endpoint_url=self.url(), region_name=REGION, aws_access_key_id=self.keys["accessKey"],
                    aws_secret_access_key=self.keys["secretKey"],
                    config=Config(retries={"max_attempts": 1}, read_timeout=read_timeout, **more))

    @property
    def sqs(self):
        return self.client("sqs")

    def queue(self, name=None, **attributes):
        """A queue, and its URL. With `fifo` its name says so."""
        fifo = attributes.pop("fifo", False)
        name = (name or f"q-{uuid.uuid4().hex[:10]}") + (".fifo" if fifo else "")
        given = {key: str(value) for key, value in attributes.items()}
        if fifo:
            given.update({"FifoQueue": "true"})
        return name, self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    def queue_with_dead_letters(self, most, name=None):
        name, url = self.queue(name)
        _, dead = self.queue(name + "-dead")
        self.put_aside_after(url, most)
        return name, url, dead

    def put_aside_after(self, url, most):
        """The queue puts into its dead letter queue what was received `most` times."""
        sqs = self.sqs
        arn = sqs.get_queue_attributes(QueueUrl=url + "-dead", AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": most})})

    def send(self, url, *bodies, **more):
        sqs = self.sqs
        for at in range(0, len(bodies), 10):
            answer = sqs.send_message_batch(QueueUrl=url, Entries=[
                {"Id": str(number), "MessageBody": body, **({"MessageDeduplicationId": uuid.uuid4().hex} if "MessageGroupId" in more else {}), **more}
                for number, body in enumerate(bodies[at:at + 10])])
            assert not answer.get("Failed"), answer

    def receive(self, url, wait=0, **more):
        """Up to ten messages, deleted."""
        sqs = self.sqs
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, AttributeNames=["All"],
                                    MessageAttributeNames=["All"], **more).get("Messages") or []
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return found

    def receive_all(self, url, count, deadline=30.0):
        found = []

        def more():
            found.extend(self.receive(url))
            return len(found) >= count
        wait_until(more, lambda: f"{count} messages, there were {len(found)}", deadline)
        return found

    def counts(self, url):
        """(visible, invisible, delayed), as the queue counts them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(found[name]) for name in names)

    def wait_until_empty(self, url, deadline=30.0):
        wait_until(lambda: self.counts(url) == (0, 0, 0), lambda: f"the queue is empty; it has {self.counts(url)}", deadline)


class ElasticMq(AwsServer):
    """SQS that keeps its messages when it is killed, and takes any key."""

    def __init__(self, folder, start=True):
        super().__init__("elasticmq", folder, start)


class Moto(AwsServer):
    """Checks signatures, and forgets everything when it ends."""

    def __init__(self, folder, start=True):
        super().__init__("moto", folder, start)

    @property
    def keys(self):
        return json.loads((pathlib.Path(self.folder) / "credentials").read_text())

    def bucket(self, name=None, read_timeout=60):
        """One of boto3's resources; made unless it is there."""
        box = self.client("s3", read_timeout, boto3.resource).Bucket(name or f"b-{uuid.uuid4().hex[:10]}")
        box.create()
        return box

    def _checks_after(self, count):
        asked = urllib.request.Request(f"{self.url()}/moto-api/reset-auth", data=count, headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(asked).close()

    @contextlib.contextmanager
    def without_checks(self):
        """Nobody is asked for a signature."""
        self._checks_after(b"inf")
        try:
            yield
        finally:
            self._checks_after(b"0")

    def is_signed_for_reading(self, url, bucket, key):
        """Whether `url` is what botocore itself would have signed at that time."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        when = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        client = self.client("s3", signature_version="s3v4")
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=when):
            theirs = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, int(query["X-Amz-Expires"]))
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(theirs).query))["X-Amz-Signature"] == query["X-Amz-Signature"]
