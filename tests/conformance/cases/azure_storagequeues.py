import base64

from azure.storage.queue import QueueClient

from conformance.case import Case, Operation, Source

# 64 KiB hold them in base64, and what is around them for this server.
LARGEST = 48_000
KEY = "c2VjcmV0LWtleS1mb3ItdGVzdHM="


def client(server, place):
    return QueueClient(f"http://{server.address('queue')}/acct", place, credential={"account_name": "acct", "account_key": KEY})


def queue(server, name):
    """A name that Azure takes."""
    place = name.lower().replace("_", "-")[:63].strip("-")
    with client(server, place) as found:
        found.create_queue()
    return place


def fields(server, place, **more):
    return {"accountName": "acct", "accountKey": KEY, "endpoint": f"http://{server.address('queue')}", "queueName": place, **more}


def as_message(payload):
    return base64.b64encode(payload).decode()


def publish(server, place, payloads):
    with client(server, place) as connection:
        for payload in payloads:
            connection.send_message(as_message(payload))


def stored(server, place, key, done):
    with client(server, place) as connection:
        return next((base64.b64decode(each.content) for each in connection.receive_messages() if each.id == done.header("messageID")), None)


CASE = Case(
    plugin="azure.storagequeues",
    server="azurite",
    place=queue,
    output=lambda server, place: fields(server, place, encodeBase64="true"),
    # The text inside a JSON string is meant.
    operations=[Operation("create", found=stored, expected=lambda payload: b"test" if payload == b'"test"' else payload,
                           refuses=lambda payload: len(payload) > LARGEST, answers=("messageID", "insertionTime", "expirationTime", "nextVisibleTime"))],
    source=Source(
        fields=lambda server, place: fields(server, place, decodeBase64="true", visibilityTimeout="10s", pollingInterval="200ms"),
        publish=publish,
        ordered=False,
        largest=LARGEST,
        survives_server=False,  # this server writes to the disk from time to time only
    ),
    nobody=lambda port: {"endpoint": f"http://127.0.0.1:{port}"},
    secrets=(KEY,),
)
