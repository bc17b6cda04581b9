"""Rows with services of AWS, in whose place is this bench's own HTTP server: it takes what comes."""
from contextlib import contextmanager

from bench import Call, Settings
from report import CostRow, Goal
from rows import Output, application, calls, floor, memory

KEYS = {"accessKey": "bench-key", "secretKey": "bench-secret"}
BUCKET, KEY = "bench", "object"
TOPIC = "arn:aws:sns:us-east-1:123456789012:bench"
PUBLISHED = "<PublishResponse><PublishResult><MessageId>0</MessageId></PublishResult></PublishResponse>"


@contextmanager
def place(settings: Settings):
    with application(settings, "--answer", PUBLISHED) as service:
        yield service.port


def output(settings: Settings, port: int) -> Output:
    fields = {"bucket": BUCKET, "region": "us-east-1", "endpoint": f"http://127.0.0.1:{port}", **KEYS}
    words = {"port": port, "path": f"/{BUCKET}/{KEY}", "key-id": KEYS["accessKey"], "secret": KEYS["secretKey"]}
    return Output("aws.s3", fields, lambda: floor(settings, "s3_put", **words), Call(metadata={"key": KEY}))


def create(settings: Settings, port: int, connections: int) -> CostRow:
    return calls(settings, output(settings, port), f"s3-create-{connections}", "POST of 1 KB to a signed PUT", connections, Goal(times=1.5))


def publish(settings: Settings, port: int, connections: int) -> CostRow:
    fields = {"topicArn": TOPIC, "region": "us-east-1", "endpoint": f"http://127.0.0.1:{port}", **KEYS}
    words = {"port": port, "topic": TOPIC, "key-id": KEYS["accessKey"], "secret": KEYS["secretKey"]}
    topic = Output("aws.sns", fields, lambda: floor(settings, "sns_publish", **words), Call(member="message"))
    return calls(settings, topic, f"sns-create-{connections}", "POST of 1 KB to a signed form", connections, Goal(times=1.5))


ROWS = {
    "s3-create-1": lambda settings, port: create(settings, port, 1),
    "s3-create-32": lambda settings, port: create(settings, port, 32),
    "sns-create-1": lambda settings, port: publish(settings, port, 1),
    "sns-create-32": lambda settings, port: publish(settings, port, 32),
    "memory-s3": lambda settings, port: memory(settings, "aws.s3", output(settings, port).fields, output(settings, port).floor),
}
