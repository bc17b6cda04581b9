"""SNS in the host: what is published arrives in a queue that boto3 reads. moto checks the signatures."""

import json

from support.fixtures import serving
from support.host import component
from support.servers_aws import Moto

PLANTED = "planted-secret-7f3a"

moto = serving(Moto)


def topic(moto, fifo=False):
    """A topic's ARN, and the URL of a queue that gets what is published."""
    name, url = moto.queue(fifo=fifo)
    sns = moto.client("sns")
    arn = sns.create_topic(Name=name, Attributes={"FifoTopic": "true"} if fifo else {})["TopicArn"]
    target = moto.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=target)
    return arn, url


def outgo(moto, arn, **fields):
    return component("out", "bindings.aws.sns", {"direction": "output", **moto.fields(topicArn=arn), **fields})


def test_what_we_publish_is_what_boto3_reads(start_host, moto):
    arn, url = topic(moto)
    host = start_host(outgo(moto, arn)).outbound_ready()
    reply = host.create("out", {"message": "héllo & good bye", "subject": "greeting"}, kind="new")
    assert reply.status in (200, 204), reply.text
    told = json.loads(moto.receive_all(url, 1)[0]["Body"])
    assert (told["Message"], told["Subject"], told["TopicArn"]) == ("héllo & good bye", "greeting", arn)
    assert told["MessageId"] == reply.headers["metadata.messageid"]
    assert told["MessageAttributes"]["kind"] == {"Type": "String", "Value": "new"}


def test_an_object_is_published_as_json(start_host, moto):
    arn, url = topic(moto)
    host = start_host(outgo(moto, arn)).outbound_ready()
    assert host.create("out", {"message": {"n": 1, "list": [1.5, None]}}).status in (200, 204)
    assert json.loads(json.loads(moto.receive_all(url, 1)[0]["Body"])["Message"]) == {"n": 1, "list": [1.5, None]}


def test_a_fifo_topic(start_host, moto):
    arn, url = topic(moto, fifo=True)
    host = start_host(outgo(moto, arn)).outbound_ready()
    reply = host.create("out", {"message": "x"})
    assert reply.status == 500 and "messageGroupId" in reply.text
    assert host.create("out", {"message": "x"}, messageGroupId="g", messageDeduplicationId="d").status in (200, 204)
    assert moto.receive_all(url, 1)[0]["Attributes"]["MessageGroupId"] == "g"


def test_what_is_wrong_is_said_without_the_secret(start_host, moto):
    arn, _ = topic(moto)
    host = start_host(outgo(moto, arn, secretKey=PLANTED)).outbound_ready()
    reply = host.create("out", {"message": "x"})
    assert reply.status == 500 and "SignatureDoesNotMatch" in reply.text and reply.headers["cleat-status"] == "UNAUTHENTICATED"
    for text in (reply.text, host.output, json.dumps(host.metadata())):
        assert PLANTED not in text


def test_a_missing_topic_is_said(start_host, moto):
    host = start_host(outgo(moto, "arn:aws:sns:us-east-1:123456789012:nowhere")).outbound_ready()
    reply = host.create("out", {"message": "x"})
    assert reply.status == 500 and reply.headers["cleat-status"] == "NOT_FOUND" and "SNS Publish" in reply.text
