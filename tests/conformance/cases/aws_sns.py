import contextlib
import json

from botocore.exceptions import BotoCoreError

from conformance.case import Case, Operation
from support.servers_aws import Moto
from support.wait import wait_until


def peer(server):
    found = Moto(server.folder, start=False)
    found.state = server.state
    return found


def topic(server, name):
    """Its ARN; what it is told goes to a queue of the same name. Made again if the server has forgotten it."""
    sns, sqs = peer(server).client("sns", read_timeout=2), peer(server).client("sqs", read_timeout=2)
    arn = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    target = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=target, Attributes={"RawMessageDelivery": "true"})
    return arn


def named(server, place, key):
    with contextlib.suppress(BotoCoreError):  # the server is down: that is what some tests are about
        topic(server, place.rsplit(":", 1)[1])
    return {"name": key}


def is_refused(payload):
    """What is empty or no text."""
    try:
        return not payload or any(ord(each) < 32 and each not in "\t\r\n" for each in payload.decode())
    except UnicodeDecodeError:
        return True


def published(payload):
    return payload if is_refused(payload) else json.dumps({"message": payload.decode()}).encode()


def told(server, place, key, done):
    found = []
    url = peer(server).sqs.get_queue_url(QueueName=place.rsplit(":", 1)[1])["QueueUrl"]

    def arrived():
        found.extend(each for each in peer(server).receive(url) if each["MessageAttributes"]["name"]["StringValue"] == key)
        return bool(found)
    wait_until(arrived, f"a message of the name {key} in {url}")
    return found[0]["Body"].encode()


CASE = Case(
    plugin="aws.sns",
    server="moto",
    place=topic,
    output=lambda server, place: {**peer(server).fields(), "topicArn": place},
    operations=[Operation("create", metadata=named, data=published, found=told, refuses=is_refused, answers=("MessageId",))],
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=("planted-secret",),
)
