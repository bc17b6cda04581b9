"""Where the numbered events of a fault test come from: the generator, or a Kafka topic. Both say what they hold for done."""

import uuid
from collections import defaultdict

from .host import component


class GeneratorSource:
    """Events without a broker. Its own ledger is what a committed position is elsewhere: it goes on there after a kill."""

    gate = None

    def __init__(self, folder, events, lanes=8):
        self.events, self.lanes = events, lanes
        self._settled = folder / "settled"

    def component(self, **fields):
        return component("numbers", "bindings.generator", {"count": self.events, "lanes": self.lanes, "ledger": self._settled,
                                                           "direction": "input", **fields})

    def acknowledged(self):
        if not self._settled.exists():
            return set()
        return {int(line.split()[0]) for line in self._settled.read_text().splitlines() if line.endswith(" ack")}

    def position(self):
        """The first number of each lane that is not done, as far as the source knows."""
        done = self.acknowledged()
        return {lane: next(number for number in range(lane, self.events + self.lanes + 1, self.lanes) if number not in done)
                for lane in range(1, self.lanes + 1)}

    def is_done(self):
        return len(self.acknowledged()) == self.events


class KafkaSource:
    """The same numbers in a topic; the host reaches the broker through the gate, the test itself does not."""

    def __init__(self, kafka, gate, events, lanes=8):
        self.kafka, self.gate, self.events, self.lanes = kafka, gate, events, lanes
        self.topic, self.group = kafka.topic(lanes), uuid.uuid4().hex
        self._of_lane = defaultdict(list)
        for number in range(1, events + 1):
            self._of_lane[number % lanes].append(number)
        kafka.produce(self.topic, *({"value": b'{"n":%d,"lane":%d}' % (number, number % lanes), "partition": number % lanes}
                                    for number in range(1, events + 1)))

    def component(self, **fields):
        return component("numbers", "bindings.kafka", {"brokers": f"127.0.0.1:{self.gate.port}", "topics": self.topic,
                                                       "consumerGroup": self.group, "initialOffset": "oldest",
                                                       "sessionTimeout": "6s", "direction": "input", **fields})

    def position(self):
        committed = self.kafka.committed(self.group, self.topic)
        return {lane: (numbers + [self.events + 1])[committed.get(lane, 0)] for lane, numbers in self._of_lane.items()}

    def is_done(self):
        return all(number == self.events + 1 for number in self.position().values())
