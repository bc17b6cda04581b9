import base64

from conformance.case import Case, Operation, Source
from support.servers_aws import ElasticMq
from support.wait import wait_until


def peer(server):
    found = ElasticMq(server.folder, start=False)
    found.state = server.state
    return found


def url_of(server, place):
    return peer(server).sqs.get_queue_url(QueueName=place)["QueueUrl"]


def queue(server, name):
    return peer(server).queue_with_dead_letters(1000)[0]


def dead_letters(server, place):
    """Looked at, and left where they are. From here on the queue puts aside what was received once."""
    peer(server).put_aside_after(url_of(server, place), 1)
    found = peer(server).sqs.receive_message(QueueUrl=url_of(server, place + "-dead"), VisibilityTimeout=0).get("Messages") or []
    return [base64.b64decode(each["Body"]) for each in found]


def fields(server, place):
    return {**peer(server).fields(), "accessKey": "any-key", "secretKey": "planted-secret", "queueName": place, "bodyEncoding": "base64"}


def publish(server, place, payloads):
    peer(server).send(url_of(server, place), *(base64.b64encode(payload).decode() or "\n" for payload in payloads))


def stored(server, place, key, done):
    found = []

    def arrived():
        found.extend(each for each in peer(server).receive(url_of(server, place)) if each.get("MessageAttributes", {}).get("name", {}).get("StringValue") == key)
        return bool(found)
    wait_until(arrived, f"a message of the name {key} in {place}")
    return base64.b64decode(found[0]["Body"])


CASE = Case(
    plugin="aws.sqs",
    server="elasticmq",
    place=queue,
    output=fields,
    operations=[Operation("create", metadata=lambda server, place, key: {"name": key}, found=stored, answers=("MessageId",))],
    source=Source(
        fields=lambda server, place: {**fields(server, place), "visibilityTimeout": "5s", "waitTime": "1s"},
        publish=publish,
        ordered=False,
        dead_letters=dead_letters,
        again_within=15,
    ),
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=("planted-secret",),
)
