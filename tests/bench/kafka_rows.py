"""Rows with a broker: create, events in, the bare client library, idle."""
import itertools
import time
from contextlib import contextmanager

from bench import Host, Settings, component, stats, under_load, wait_count, while_sending
from processes import Sample, Started, get, run_tool
from report import CostRow, Goal, ValueRow
from rows import Output, added_rows, application, calls, cost_row, floor, memory_rows
from servers import running

# Enough for the fastest floor seen, and what the mock cluster keeps of one partition (5 MB).
RECORDS = {8: 320_000, 1: 80_000}
MOCK_RECORDS = 4_000
TOPICS = {"out": 8, "in-8": 8, "in-1": 1, "bare": 1, "idle": 8, **{f"paced-{at}": 8 for at in range(8)}}
numbers = itertools.count(1)


@contextmanager
def place(settings: Settings):
    """Topics of this run; sets settings.brokers. On a broker of ours, the given one, or the mock cluster."""
    if settings.given_brokers is not None:
        settings.brokers = settings.given_brokers
        yield create_topics(settings)
    elif settings.mock:
        topics = ",".join(f"{name}:{partitions}" for name, partitions in TOPICS.items())
        with Started("mock-cluster", [settings.tool("floor_kafka"), "mock", "--topics", topics], settings.logs) as mock:
            settings.brokers = mock.address
            yield fill(settings, {name: name for name in TOPICS})
    else:
        with running(settings, "kafka") as kafka:
            settings.brokers = kafka.address("plaintext")
            topics = create_topics(settings)
            warm_up(settings, topics)
            yield topics


def kafka_tool(settings: Settings, verb: str, topic: str, **options) -> dict:
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    return run_tool([settings.tool("floor_kafka"), verb, "--brokers", settings.brokers, "--topic", topic, *words])


def create_topics(settings: Settings) -> dict[str, str]:
    stamp = f"bench-{time.time_ns() // 1_000_000}"
    topics = {name: f"{stamp}-{name}" for name in TOPICS}
    for name, topic in topics.items():
        kafka_tool(settings, "create", topic, partitions=TOPICS[name])
    return fill(settings, topics)


def warm_up(settings: Settings, topics: dict[str, str]):
    """A broker that has just started compiles its own code while it works, on the same cores."""
    for _ in range(2):
        kafka_tool(settings, "consume", topics["in-8"], partitions=8, count=RECORDS[8] // 2)
        with floor_creator(settings, topics["out"]) as bare:
            under_load(settings, bare, "/", 32)


def records(settings: Settings, partitions: int) -> int:
    return MOCK_RECORDS * partitions if settings.mock else RECORDS[partitions]


def fill(settings: Settings, topics: dict[str, str]) -> dict[str, str]:
    for partitions in (8, 1):
        kafka_tool(settings, "produce", topics[f"in-{partitions}"], count=records(settings, partitions), partitions=partitions)
    return topics


def group() -> str:
    return f"bench-{time.time_ns()}-{next(numbers)}"


def floor_creator(settings: Settings, topic: str) -> Started:
    return floor(settings, "kafka_create", brokers=settings.brokers, topic=topic)


def create(settings: Settings, topics: dict[str, str], connections: int) -> CostRow:
    output = Output("kafka", {"brokers": settings.brokers, "publishTopic": topics["out"], "authType": "none"},
                    lambda: floor_creator(settings, topics["out"]))
    return calls(settings, output, f"kafka-create-{connections}", "POST of 1 KB to a Kafka record, acks=all", connections,
                 Goal(times=1.2 if connections == 1 else 1.3))


def floor_consumer(settings: Settings, topic: str, app: Started) -> Started:
    return floor(settings, "kafka_in", brokers=settings.brokers, topic=topic, group=group(), port=app.port)


def consumer(settings: Settings, topic: str, app: Started) -> Started:
    if settings.self_check:
        return floor_consumer(settings, topic, app)
    events = component("events", "kafka", brokers=settings.brokers, topics=topic, consumerGroup=group(),
                       initialOffset="oldest", direction="input", authType="none")
    return Host(settings, "host-kafka-in", [events], app.port)


def events_in(settings: Settings, topics: dict[str, str], partitions: int) -> CostRow:
    topic, most = topics[f"in-{partitions}"], records(settings, partitions)
    def run(make) -> Sample:
        with application(settings) as app, make(settings, topic, app) as sender:
            return while_sending(settings, sender, app, limit=int(most * 0.8))
    products, floors = [], []
    for _ in range(settings.rounds):
        floors.append(run(floor_consumer))
        products.append(run(consumer))
    return cost_row(f"kafka-in-{partitions}", f"Kafka record of 1 KB to a POST to offset, {partitions} partition(s), in order",
                    Goal(times=1.4 if partitions == 8 else 1.3), products, floors)


def bare(settings: Settings, topics: dict[str, str]) -> list[ValueRow]:
    count = records(settings, 1)
    produced = kafka_tool(settings, "produce", topics["bare"], count=count)
    consumed = kafka_tool(settings, "consume", topics["in-1"], count=count)
    return [ValueRow(f"bare-{verb}", f"librdkafka alone, {verb}, in batches", "CPU µs", done["cpu_us"], done["cpu_us"], None,
                     {"product": [done]}) for verb, done in (("produce", produced), ("consume", consumed))]


def added_in(settings: Settings, topics: dict[str, str]) -> list[ValueRow]:
    """Age of a record when the application has it, at a pace that loads nobody."""
    free = (topic for name, topic in topics.items() if name.startswith("paced-"))
    def run(make) -> tuple[float, float]:
        topic, paced = next(free), int(1000 * settings.seconds)
        with application(settings) as app, make(settings, topic, app) as sender:
            kafka_tool(settings, "produce", topic, partitions=8, count=500, rate=1000)
            wait_count(sender, app, 500)
            get(app.port, "/reset")
            kafka_tool(settings, "produce", topic, partitions=8, count=paced, rate=1000)
            wait_count(sender, app, paced)
            done = stats(app)
            return done["age_p50_us"], done["age_p99_us"]
    products, floors = [], []
    for _ in range(settings.rounds):
        floors.append(run(floor_consumer))
        products.append(run(consumer))
    goal = None if settings.mock else Goal(at_most=0.3)  # the mock cluster answers a fetch late
    return added_rows("added-kafka-in", "produce to POST at 1,000/s", goal, products, floors)


def idle(settings: Settings, topics: dict[str, str]) -> list[ValueRow]:
    """With eight partitions assigned, which a first record proves."""
    kafka_tool(settings, "produce", topics["idle"], partitions=8, count=8)
    with application(settings) as one, application(settings) as other, \
            floor_consumer(settings, topics["idle"], one) as bare, consumer(settings, topics["idle"], other) as host:
        wait_count(bare, one, 8)
        wait_count(host, other, 8)
        time.sleep(1)
        return memory_rows("idle-kafka", "one Kafka component, 8 partitions assigned", 16, host, bare)


ROWS = {
    "kafka-create-1": lambda settings, topics: create(settings, topics, 1),
    "kafka-create-32": lambda settings, topics: create(settings, topics, 32),
    "kafka-in-8": lambda settings, topics: events_in(settings, topics, 8),
    "kafka-in-1": lambda settings, topics: events_in(settings, topics, 1),
    "added-kafka-in": added_in,
    "idle-kafka": idle,
    "bare-kafka": bare,
}
