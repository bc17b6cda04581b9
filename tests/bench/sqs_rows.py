"""Rows with SQS: ElasticMQ."""
import itertools
import json
import time
import urllib.request

from bench import Settings
from report import CostRow, Goal
from rows import DEFAULT_IN_FLIGHT, Output, Source, calls, events, fill, floor
from servers import Server, running

numbers = itertools.count(1)


def place(settings: Settings):
    return running(settings, "elasticmq", ELASTICMQ_STORAGE="memory")


def queue(server: Server) -> str:
    """The URL of a new one."""
    asked = urllib.request.Request(
        f"http://{server.address('http')}/", json.dumps({"QueueName": f"bench-{time.time_ns()}-{next(numbers)}"}).encode(),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.CreateQueue"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)["QueueUrl"]


def floor_create(settings: Settings, server: Server, url: str):
    return floor(settings, "sqs_create", server=server.ports["http"], queue=url)


def fields(server: Server, url: str) -> dict[str, str]:
    return {"queueName": url, "region": "us-east-1", "endpoint": f"http://{server.address('http')}", "accessKey": "any-key",
            "secretKey": "any-secret"}


def create(settings: Settings, server: Server, connections: int) -> CostRow:
    url = queue(server)
    output = Output("aws.sqs", fields(server, url), lambda: floor_create(settings, server, url))
    return calls(settings, output, f"sqs-create-{connections}", "POST of 1 KB to a message that the queue has", connections, Goal(times=1.5))


def events_in(settings: Settings, server: Server) -> CostRow:
    def filled() -> tuple[int, dict]:
        url = queue(server)
        return fill(settings, lambda: floor_create(settings, server, url), settings.seconds * 2), {"queue": url}
    source = Source(
        "aws.sqs", fields=lambda at: fields(server, at["queue"]), fill=filled,
        floor=lambda at, port: floor(settings, "sqs_in", server=server.ports["http"], queue=at["queue"], port=port,
                                     connections=DEFAULT_IN_FLIGHT))
    return events(settings, source, "sqs-in", "message of 1 KB of an SQS queue to a POST to its deletion", Goal(times=1.5))


ROWS = {
    "sqs-create-1": lambda settings, server: create(settings, server, 1),
    "sqs-create-64": lambda settings, server: create(settings, server, 64),
    "sqs-in": events_in,
}
