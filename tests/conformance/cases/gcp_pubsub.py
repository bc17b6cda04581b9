from conformance.case import Case, Operation, Source
from support.servers_pubsub import PROJECT, PubSub
from support.wait import wait_until

from .gcp_bucket import tokens


def peer(server):
    found = PubSub(server.folder, start=False)
    found.state = server.state
    return found


def subscription(server, name):
    """Readers have two seconds, so that what a dead host had out comes again soon."""
    return peer(server).topic(f"{name}-{server.state['birth']}", deadline=2, dead_letters_after=1000)


def publish(server, place, payloads):
    # What is rejected there has been given out once.
    if b"poison" in payloads:
        peer(server).put_aside_after(place, 1)
    peer(server).publish(place, *payloads)


def dead_letters(server, place):
    """Looked at, and left where they are."""
    with peer(server).subscriber as subscriber:
        name = f"projects/{PROJECT}/subscriptions/{place}-dead"
        found = subscriber.pull(subscription=name, max_messages=10, timeout=10).received_messages
        if found:
            subscriber.modify_ack_deadline(subscription=name, ack_ids=[each.ack_id for each in found], ack_deadline_seconds=0)
    return [each.message.data for each in found]


def stored(server, place, key, done):
    found = []

    def arrived():
        found.extend(each for each in peer(server).pull(place) if each.attributes.get("name") == key)
        return bool(found)
    wait_until(arrived, f"a message of the name {key} in {place}")
    return found[0].data


def common(server):
    return {**tokens().fields, "projectID": PROJECT, "endpoint": f"http://{server.address('http')}"}


CASE = Case(
    plugin="gcp.pubsub",
    server="pubsub",
    place=subscription,
    output=lambda server, place: {**common(server), "topic": place},
    operations=[Operation("create", metadata=lambda server, place, key: {"name": key}, found=stored, answers=("id",))],
    source=Source(
        fields=lambda server, place: {**common(server), "subscription": place},
        publish=publish,
        ordered=False,
        dead_letters=dead_letters,
        again_within=10,
    ),
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=("planted-token",),
)
