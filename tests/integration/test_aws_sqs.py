"""SQS in the host, judged by boto3: against ElasticMQ, which keeps its messages, and moto, which checks signatures."""

import json
import threading
import time
import uuid

import pytest

from support.app import Answer
from support.aws_sources import FakeSts
from support.fixtures import serving
from support.host import component
from support.servers_aws import ElasticMq, Moto
from support.wait import holds_for, wait_until

PLANTED = "planted-secret-7f3a"

server = serving(ElasticMq)
moto = serving(Moto)


def sqs(name, server, queue, direction, **fields):
    given = {"direction": direction, **server.fields(queueName=queue), **fields}
    return component(name, "bindings.aws.sqs", {key: value for key, value in given.items() if value is not None})


def income(server, queue, **fields):
    return sqs("in", server, queue, "input", **{"waitTime": "2s", "visibilityTimeout": "30s", **fields})


def outgo(server, queue, **fields):
    return sqs("out", server, queue, "output", **fields)


# --- output ---


def test_what_we_send_is_what_boto3_reads(start_host, moto):
    name, url = moto.queue()
    host = start_host(outgo(moto, name)).outbound_ready()
    reply = host.create("out", {"a": 1}, kind="new", delaySeconds="0")
    assert reply.status in (200, 204), reply.text
    message, = moto.receive_all(url, 1)
    assert json.loads(message["Body"]) == {"a": 1}
    assert {key: value["StringValue"] for key, value in message["MessageAttributes"].items() if key != "traceparent"} == {"kind": "new"}
    assert reply.headers["metadata.messageid"] == message["MessageId"]


@pytest.mark.parametrize("given", ["url", "arn", "name and account"])
def test_a_queue_is_known_by_more_than_its_name(start_host, moto, given):
    name, url = moto.queue()
    arn = moto.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = {"url": url, "arn": arn, "name and account": name}[given]
    more = {"queueOwnerAccountId": arn.split(":")[4]} if given == "name and account" else {}
    host = start_host(outgo(moto, queue, **more)).outbound_ready()
    assert host.create("out", "x").status in (200, 204)
    assert len(moto.receive_all(url, 1)) == 1


def test_a_fifo_queue_keeps_the_order_and_drops_what_comes_twice(start_host, moto):
    name, url = moto.queue(fifo=True)
    host = start_host(outgo(moto, name, messageGroupId="all")).outbound_ready()
    for number in (1, 2, 2, 3):
        assert host.create("out", number, messageDeduplicationId=f"d{number}").status in (200, 204)
    found = []
    while more := moto.receive(url):
        found += more
    assert [each["Body"] for each in found] == ["1", "2", "3"]
    assert found[0]["Attributes"]["MessageGroupId"] == "all"


def test_wrong_keys_are_said_without_the_secret(start_host, moto):
    name, _ = moto.queue()
    host = start_host(outgo(moto, name, secretKey=PLANTED, sessionToken=None)).outbound_ready()
    reply = host.create("out", "x")
    assert reply.status == 500 and "SignatureDoesNotMatch" in reply.text and reply.headers["cleat-status"] == "UNAUTHENTICATED"
    state = host.wait_for_state("out", lambda state: "SignatureDoesNotMatch" in str(state), "says why")
    for text in (reply.text, host.output, json.dumps(state), json.dumps(host.metadata())):
        assert PLANTED not in text


def test_a_missing_queue_is_said_and_found_when_it_is_made(start_host, server):
    name = f"later-{uuid.uuid4().hex[:8]}"
    host = start_host(outgo(server, name)).outbound_ready()
    reply = host.create("out", "x")
    assert reply.status == 500 and "QueueDoesNotExist" in reply.text and reply.headers["cleat-status"] == "NOT_FOUND"
    _, url = server.queue(name)
    assert host.create("out", "x").status in (200, 204)
    assert len(server.receive_all(url, 1)) == 1


# --- input ---


def test_what_boto3_sends_is_what_the_application_gets(start_host, moto, app):
    name, url = moto.queue()
    moto.send(url, "héllo", MessageAttributes={"kind": {"DataType": "String", "StringValue": "new"},
                                               "count": {"DataType": "Number", "StringValue": "7"},
                                               "raw": {"DataType": "Binary", "BinaryValue": b"\0\xff"}})
    start_host(income(moto, name), app=app)
    event, = app.wait_for(1, "/in")
    assert event.body.decode() == "héllo"
    assert {key: event.header(key) for key in ("kind", "count", "raw", "ApproximateReceiveCount")} == {
        "kind": "new", "count": "7", "raw": "AP8=", "ApproximateReceiveCount": "1"}
    assert event.header("MessageId") and int(event.header("SentTimestamp")) > 0
    moto.wait_until_empty(url)


def test_a_handler_longer_than_the_visibility_runs_once(start_host, server, app):
    name, url = server.queue()
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    start_host(income(server, name, visibilityTimeout="6s"), app=app)
    server.send(url, "slow")
    app.wait_for(1, "/in")
    holds_for(lambda: len(app.requests("/in")) == 1 and not server.receive(url), 13, "it was given out again while it was worked on")
    gate.set()
    server.wait_until_empty(url)
    assert len(app.requests("/in")) == 1


def test_a_killed_host_loses_nothing(start_host, server, app):
    """Ledger: each is sent once by boto3, the host is killed twice while it works, and each is seen at least once."""
    name, url = server.queue()
    expected = {f"m{number}" for number in range(300)}
    app.always("/in", lambda request: 500 if len(app.requests("/in")) % 7 == 0 else 200)
    feeding = threading.Thread(target=lambda: server.send(url, *sorted(expected)))
    feeding.start()
    for least in (40, 120):
        host = start_host(income(server, name, visibilityTimeout="2s"), app=app)
        app.wait_for(least, "/in")
        host.kill()
    start_host(income(server, name, visibilityTimeout="2s"), app=app)
    wait_until(lambda: {each.body.decode() for each in app.requests("/in")} == expected, "all were seen", 60)
    server.wait_until_empty(url, 60)
    feeding.join()


def test_a_server_that_was_killed_is_read_again(start_host, server, app):
    name, url = server.queue()
    host = start_host(income(server, name), app=app)
    server.send(url, "before")
    app.wait_for(1, "/in")
    server.wait_until_empty(url)
    server.kill()
    host.wait_for_state("in", lambda state: state.get("reason"), "says that nobody answers")
    server.start()
    server.send(url, "after")
    wait_until(lambda: b"after" in [each.body for each in app.requests("/in")], "the message after the restart", 60)
    server.wait_until_empty(url)


def test_a_stopped_host_gives_back_at_once_what_did_not_begin(start_host, server, app):
    name, url = server.queue()
    gate = threading.Event()
    app.answer("/in", Answer(gate=gate))
    host = start_host(income(server, name, maxInFlight="1", visibilityTimeout="60s"), app=app)
    server.send(url, *(str(number) for number in range(5)))
    app.wait_for(1, "/in")
    threading.Timer(0.5, gate.set).start()
    assert host.stop() == 0
    assert len(server.receive_all(url, 4)) == 4  # long before they would come by themselves


def test_dead_letters_do_not_go_to_their_own_queue(start_host, server, app):
    """One in another region would be another queue."""
    name, _ = server.queue()
    host = start_host(income(server, name, deadLetter="letters"), sqs("other", server, name, "input", deadLetter="elsewhere"),
                      sqs("letters", server, name, "output"), sqs("elsewhere", server, name, "output", region="eu-west-1"), app=app)
    host.wait_for_message("Failed to init component in", "does not write to its own source")
    host.wait_for_message("Component loaded: other")
    for each in ("letters", "elsewhere"):
        host.wait_for_message(f"Component loaded: {each}")


def test_groups_of_a_fifo_queue_stay_in_order(start_host, moto, app):
    name, url = moto.queue(fifo=True)
    for number in range(6):
        for group in "ab":
            moto.send(url, f"{group}{number}", MessageGroupId=group)
    app.answer("/in", 500)
    start_host(income(moto, name, ordering="partition"), app=app)
    moto.wait_until_empty(url, 60)
    order = [each.body.decode() for each in app.requests("/in")]
    for group in "ab":
        firsts = list(dict.fromkeys(each for each in order if each[0] == group))
        assert firsts == [f"{group}{number}" for number in range(6)], order


# --- credentials, proxies ---


def test_a_role_is_assumed(start_host, moto, tmp_path):
    """Its keys are those of moto's user: signatures are checked. STS is reached through the proxy of the environment."""
    name, url = moto.queue()
    with FakeSts(tmp_path, moto.keys) as sts:
        environment = {"https_proxy": sts.proxy, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        host = start_host(outgo(moto, name, accessKey="base-key", secretKey=PLANTED, caCert=sts.ca, externalId="shop",
                                assumeRoleArn="arn:aws:iam::123456789012:role/orders"), env=environment).outbound_ready()
        assert host.create("out", "x").status in (200, 204), host.output[-3000:]
        asked = {key: sts.asked[0][key] for key in ("Action", "RoleArn", "RoleSessionName", "ExternalId")}
        assert asked == {"Action": "AssumeRole", "RoleArn": "arn:aws:iam::123456789012:role/orders",
                         "RoleSessionName": "DaprDefaultSession", "ExternalId": "shop"}
        assert PLANTED not in host.output and moto.keys["secretKey"] not in host.output
    assert len(moto.receive_all(url, 1)) == 1


def test_a_web_identity_is_exchanged_for_keys_and_again_before_they_expire(start_host, moto, tmp_path):
    """Nothing is lost on the way, though they last for three seconds only."""
    name, url = moto.queue()
    token = tmp_path / "token"
    token.write_text(PLANTED)
    with FakeSts(tmp_path, moto.keys, lasting=3) as sts:
        environment = {"https_proxy": sts.proxy, "AWS_REGION": "us-east-1", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod",
                       "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_SESSION_NAME": "pod", "AWS_EC2_METADATA_DISABLED": "true"}
        host = start_host(outgo(moto, name, accessKey=None, secretKey=None, caCert=sts.ca), env=environment).outbound_ready()
        sent = 0
        end = time.monotonic() + 60
        while len(sts.asked) < 3:
            assert time.monotonic() < end, "new keys are not asked for"
            assert host.create("out", sent).status in (200, 204), host.output[-3000:]
            sent += 1
        assert sts.asked[0]["Action"] == "AssumeRoleWithWebIdentity" and sts.asked[0]["WebIdentityToken"] == PLANTED
        assert PLANTED not in host.output and moto.keys["secretKey"] not in host.output
    assert moto.counts(url)[0] == sent
