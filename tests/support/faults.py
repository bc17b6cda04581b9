"""The faults, one small class each, and a plan of them out of a seed."""

import random
import signal


class Fault:
    """`explains`: which events may come twice because of it, in the words of judge.py. `needs`: "kafka" or "dead letters".
    `most`: how many of it a short plan may have, because of the time it takes. `soak`: only in a plan of a soak."""

    name = explains = needs = ""
    most = None
    soak = False

    def strike(self, rig, chance):
        """From the first to the last moment of the fault. Afterwards everything is as it was before."""
        raise NotImplementedError


class KillApplication(Fault):
    name, explains = "kill -9 application", "running"

    def strike(self, rig, chance):
        rig.app.kill()
        rig.last(chance.uniform(0, 0.3))
        rig.app.start()


class KillHost(Fault):
    name, explains, most = "kill -9 host", "position", 4

    def strike(self, rig, chance):
        rig.host.kill()
        rig.start_host()


class StopApplication(Fault):
    name, explains = "SIGSTOP application", "nothing"

    def strike(self, rig, chance):
        rig.app.pause()
        rig.last(chance.uniform(0.1, 0.6))
        rig.app.resume()


class StopHost(Fault):
    name, explains = "SIGSTOP host", "nothing"

    def strike(self, rig, chance):
        rig.host.signal(signal.SIGSTOP)
        rig.last(chance.uniform(0.1, 0.6))
        rig.host.signal(signal.SIGCONT)


class CutApplication(Fault):
    name, explains = "cut to application", "running"

    def strike(self, rig, chance):
        for _ in range(chance.randint(1, 3)):
            rig.gate.cut(chance.choice(["rst", "fin"]))
            rig.flow(chance.randint(1, 30))


class RefuseApplication(Fault):
    name, explains = "application refused", "running"

    def strike(self, rig, chance):
        rig.gate.flow("refuse")
        rig.gate.cut("rst")
        rig.last(chance.uniform(0.05, 0.5))
        rig.gate.flow()


class DelayApplication(Fault):
    name, explains = "delay to application", "nothing"

    def strike(self, rig, chance):
        rig.gate.flow("delay", chance.uniform(0.002, 0.03))
        rig.flow(chance.randint(20, 80))
        rig.gate.flow()


class SliceApplication(Fault):
    name, explains = "single bytes to application", "nothing"

    def strike(self, rig, chance):
        rig.gate.flow("slice")
        rig.flow(chance.randint(10, 50))
        rig.gate.flow()


class HoldApplication(Fault):
    name, explains = "hold to application", "nothing"

    def strike(self, rig, chance):
        rig.gate.flow("hold")
        rig.last(chance.uniform(0.1, 0.8))
        rig.gate.flow()


class HoldAndCutApplication(Fault):
    name, explains = "hold, then cut to application", "running"

    def strike(self, rig, chance):
        rig.gate.flow("hold")
        rig.last(chance.uniform(0.1, 0.5))
        rig.gate.cut("rst")
        rig.gate.flow()


class SlowHandler(Fault):
    name, explains = "slow handler", "nothing"

    def strike(self, rig, chance):
        rig.app.control(slow=chance.randint(10, 60))
        rig.flow(chance.randint(20, 60))
        rig.app.behave()


class CutAnswers(Fault):
    name, explains = "answers cut inside", "nothing"  # the ledger says it of each event

    def strike(self, rig, chance):
        rig.app.control(cut=0.1)
        rig.flow(chance.randint(20, 100))
        rig.app.behave()


class UnheardRequests(Fault):
    name, explains = "closed without an answer", "nothing"

    def strike(self, rig, chance):
        rig.app.control(unheard=0.05)
        rig.flow(chance.randint(20, 100))
        rig.app.behave()


class Storm(Fault):
    name, explains, most = "storm of 429", "nothing", 3

    def strike(self, rig, chance):
        rig.app.control(storm=1)
        rig.last(chance.uniform(0.05, 0.5))
        rig.app.behave()


class Poison(Fault):
    name, explains = "poison", "nothing"

    def strike(self, rig, chance):
        numbers = rig.ahead(chance, 3)
        rig.app.control(poison={str(number): 500 for number in numbers})
        for number in numbers:
            rig.wait_until(lambda number=number: rig.app.refused[number] >= 2 or number in rig.app.seen,
                           f"{number} comes again and again")
        rig.app.behave()


class UnreadLog(Fault):
    name, explains = "log that nobody reads", "nothing"

    def strike(self, rig, chance):
        rig.host.deafen()
        rig.app.control(failures=0.3)  # each failure is worth a line
        rig.flow(100)
        rig.app.behave()
        rig.host.deafen(False)


class FullDisk(Fault):
    name, explains, most = "log on a full disk", "position", 2

    def strike(self, rig, chance):
        rig.host.kill()
        rig.start_host(log="/dev/full")
        rig.flow(200)
        rig.host.kill()
        rig.start_host()


class ClockJump(Fault):
    name, explains = "clock jump", "nothing"

    def strike(self, rig, chance):
        for _ in range(2):
            rig.shift_clock(chance.choice([-1, 1]) * chance.choice([1, 60, 3600, 86_400, 400 * 86_400]))
            rig.flow(50)
        rig.shift_clock(0)


class Reject(Fault):
    name, explains, needs = "refused for good", "nothing", "dead letters"

    def strike(self, rig, chance):
        numbers = rig.reject(chance, 3)
        rig.wait_until(lambda: set(numbers) <= set(rig.app.seen) | set(rig.dead()), f"{numbers} are dead letters")
        rig.app.behave()


class SinkDown(Fault):
    name, explains, needs = "dead-letter target down", "nothing", "dead letters"

    def strike(self, rig, chance):
        rig.down.touch()
        numbers = rig.reject(chance, 2)
        rig.wait_until(lambda: all(rig.app.refused[number] or number in rig.app.seen for number in numbers),
                       f"{numbers} are refused")
        rig.last(chance.uniform(0.1, 0.5))
        early = set(rig.dead()) & set(numbers)
        rig.down.unlink()
        assert not early, f"{early} were written while the target was down"
        rig.wait_until(lambda: set(numbers) <= set(rig.app.seen) | set(rig.dead()), f"{numbers} are dead letters")
        rig.app.behave()


class KillBroker(Fault):
    name, explains, needs, most = "kill -9 broker", "position", "kafka", 1

    def strike(self, rig, chance):
        rig.source.kafka.kill()
        rig.source.kafka.start()


class StopBroker(Fault):
    name, explains, needs, most = "SIGSTOP broker", "position", "kafka", 2

    def strike(self, rig, chance):
        rig.source.kafka.signal(signal.SIGSTOP)
        rig.last(chance.uniform(0.5, 2))
        rig.source.kafka.signal(signal.SIGCONT)


class CutBroker(Fault):
    name, explains, needs = "cut to broker", "position", "kafka"

    def strike(self, rig, chance):
        rig.source.gate.cut(chance.choice(["rst", "fin"]))


class DelayBroker(Fault):
    name, explains, needs = "delay to broker", "position", "kafka"

    def strike(self, rig, chance):
        rig.source.gate.flow("delay", chance.uniform(0.01, 0.1))
        rig.flow(50)
        rig.source.gate.flow()


class SliceBroker(Fault):
    name, explains, needs = "single bytes to broker", "position", "kafka"

    def strike(self, rig, chance):
        rig.source.gate.flow("slice")
        rig.last(chance.uniform(0.1, 0.5))
        rig.source.gate.flow()


class HoldBroker(Fault):
    name, explains, needs, most = "hold to broker", "position", "kafka", 2

    def strike(self, rig, chance):
        rig.source.gate.flow("hold")
        # With up to 3 s since the last heartbeat it stays within the session of 6 s: a member that is thrown out only after
        # the hold has ended is another fault, that of GoneBroker.
        rig.last(chance.uniform(0.5, 2))
        if chance.random() < 0.5:
            rig.source.gate.cut("rst")
        rig.source.gate.flow()


class BrokerAbsent(Fault):
    name, explains, needs, soak = "broker absent", "position", "kafka", True

    def strike(self, rig, chance):
        rig.source.kafka.kill()
        rig.last(chance.uniform(60, 180))
        rig.source.kafka.start()


class GoneBroker(Fault):
    name, explains, needs, soak = "hold to broker beyond the session", "position", "kafka", True

    def strike(self, rig, chance):
        rig.source.gate.flow("hold")
        rig.last(chance.uniform(8, 30))
        rig.source.gate.flow()


ALL = [KillApplication, KillHost, StopApplication, StopHost, CutApplication, RefuseApplication, DelayApplication, SliceApplication,
       HoldApplication, HoldAndCutApplication, SlowHandler, CutAnswers, UnheardRequests, Storm, Poison, UnreadLog, FullDisk, ClockJump,
       Reject, SinkDown, KillBroker, StopBroker, CutBroker, DelayBroker, SliceBroker, HoldBroker, BrokerAbsent, GoneBroker]


def make_plan(seed, events, count, has=(), soak=False):
    """`count` faults at numbers of events that were taken, as (events, fault, its chance). `has`: what of "kafka" and
    "dead letters" there is. The same arguments give the same plan."""
    chance = random.Random(f"{seed} plan")
    left = {kind: 1 if kind.soak else kind.most or count for kind in ALL
            if (not kind.needs or kind.needs in has) and (soak or not kind.soak)}
    kinds = []
    while len(kinds) < count and any(left.values()):
        # Each kind once before any comes again.
        turn = [kind for kind, more in left.items() if more]
        chance.shuffle(turn)
        for kind in turn[: count - len(kinds)]:
            kinds.append(kind)
            left[kind] -= 1
    chance.shuffle(kinds)
    places = sorted(chance.sample(range(events // 50, events * 9 // 10), len(kinds)))
    return [(at, kind(), random.Random(f"{seed} {number}")) for number, (at, kind) in enumerate(zip(places, kinds))]


def describe(plan):
    return "\n".join(f"at {at}: {fault.name}" for at, fault, _ in plan)
