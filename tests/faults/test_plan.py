"""Random faults at random moments while numbered events flow: none is missing, none comes twice without a reason, order is kept."""

import pytest

from support.broker import Kafka
from support.faults import describe, make_plan
from support.gate import Gate
from support.rig import Rig
from support.sources import GeneratorSource, KafkaSource

EVENTS = 20_000


@pytest.fixture(scope="module")
def gated_kafka(tmp_path_factory):
    gate = Gate()
    broker = Kafka(tmp_path_factory.mktemp("gated-kafka"))
    broker.add_gate(gate)
    yield broker, gate
    gate.close()
    broker.stop()


def carry_out(rig, plan):
    print(describe(plan))
    verdict, seconds = rig.run(plan)
    print(f"{verdict}\n{seconds:.1f} s")
    assert verdict.ok(), str(verdict)
    return verdict


@pytest.mark.timeout(300)
def test_generator(tmp_path, seed):
    with Rig(tmp_path, GeneratorSource(tmp_path, EVENTS), seed) as rig:
        carry_out(rig, make_plan(seed, EVENTS, 40))


@pytest.mark.timeout(300)
def test_generator_with_dead_letters(tmp_path, seed):
    events = EVENTS // 2
    with Rig(tmp_path, GeneratorSource(tmp_path, events), seed, dead_letters=True) as rig:
        carry_out(rig, make_plan(seed, events, 22, has=["dead letters"]))
        rig.check_dead_letters()


@pytest.mark.timeout(300)
def test_without_a_fault_nothing_comes_twice(tmp_path, seed):
    with Rig(tmp_path, GeneratorSource(tmp_path, EVENTS), seed) as rig:
        assert not carry_out(rig, []).explained


@pytest.mark.timeout(300)
def test_kafka(tmp_path, seed, gated_kafka):
    with Rig(tmp_path, KafkaSource(*gated_kafka, EVENTS), seed, slow=4) as rig:
        carry_out(rig, make_plan(seed, EVENTS, 26, has=["kafka"]))
