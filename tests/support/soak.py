"""Rounds of the fault harness until the time is over or a round fails: what scripts/soak runs."""

import argparse
import contextlib
import pathlib
import random
import shutil
import sys
import time
import traceback

from .broker import Kafka
from .endurance import DAYS, MOST_GROWTH, Endurance, hub_of
from .faults import describe, make_plan
from .gate import Gate
from .rig import Rig
from .servers_google import new_private_key
from .sources import GeneratorSource, KafkaSource

_EVENTS = 20_000
_FAULTS = 40
# What a host may take of one processor in a bad time of the clouds.
_MOST_CPU = 0.02


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--kafka", action="store_true")
    parser.add_argument("--dead-letters", action="store_true")
    parser.add_argument("--cloud", action="store_true")
    parser.add_argument("--seed")
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    return parser.parse_args(arguments)


@contextlib.contextmanager
def running_kafka(folder):
    shutil.rmtree(folder, ignore_errors=True)
    gate = Gate()
    kafka = Kafka(folder)
    try:
        kafka.add_gate(gate)
        yield kafka, gate
    finally:
        gate.close()
        kafka.stop()


def play(options, folder, seed, kafka):
    """One round; gives its line and whether it went well. What went wrong is in `folder`/report."""
    has = (["kafka"] if kafka else []) + (["dead letters"] if options.dead_letters else [])
    plan = make_plan(seed, _EVENTS, _FAULTS, has=has, soak=True)
    report = folder / "report"
    report.write_text(f"seed {seed}\n{describe(plan)}\n")
    try:
        source = KafkaSource(*kafka, _EVENTS) if kafka else GeneratorSource(folder, _EVENTS)
        with Rig(folder, source, seed, dead_letters=options.dead_letters, slow=4 if kafka else 0) as rig:
            verdict, seconds = rig.run(plan)
            if options.dead_letters:
                rig.check_dead_letters()
    except Exception as error:  # a round that cannot be carried out has failed, whatever the reason
        report.write_text(report.read_text() + traceback.format_exc())
        return f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}", False
    report.write_text(report.read_text() + f"{verdict}\n")
    return f"{seconds:.0f} s: {str(verdict).splitlines()[0]}", verdict.ok()


def endure(options):
    """A bad time of all cloud services; a line for each part of it."""
    folder = options.folder / "cloud"
    with running_kafka(options.folder / "kafka") as (kafka, _):
        shutil.rmtree(folder, ignore_errors=True)
        run = Endurance(folder, new_private_key(), hub_of(kafka), kafka.port("sasl_ssl"))
        try:
            run.fail_fast(500)  # buffers and connections that are there once
            parts = []
            for day in DAYS:
                parts.append(run.endure(day, options.minutes * 60 / len(DAYS)))
                print(parts[-1], flush=True)
            print(f"all were well again after {run.recover():.1f} s", flush=True)
            run.check()
        finally:
            run.close()
    busy = [part.what for part in parts if part.cpu > _MOST_CPU or part.restless()]
    grown = parts[-1].after - parts[0].before
    if busy:
        print(f"more than {_MOST_CPU:.0%} of a processor, or no rest: {', '.join(busy)}")
    if grown > MOST_GROWTH:
        print(f"the host has grown by {grown} bytes")
    return 1 if busy or grown > MOST_GROWTH else 0


def main():
    options = parse(sys.argv[1:])
    if options.cloud:
        options.folder.mkdir(parents=True, exist_ok=True)
        return endure(options)
    end = time.monotonic() + options.minutes * 60
    options.folder.mkdir(parents=True, exist_ok=True)
    number = 0
    with running_kafka(options.folder / "kafka") if options.kafka else contextlib.nullcontext() as kafka:
        while number == 0 or (time.monotonic() < end and not options.seed):
            number += 1
            seed = options.seed or str(random.SystemRandom().randrange(10**9))
            folder = options.folder / f"round-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            line, ok = play(options, folder, seed, kafka)
            print(f"round {number}, seed {seed}, {line}", flush=True)
            if not ok:
                print(f"what is left of it is in {folder}; again: scripts/soak --seed {seed}"
                      f"{' --kafka' if options.kafka else ''}{' --dead-letters' if options.dead_letters else ''}", flush=True)
                return 1
            shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
