"""Runs the rows of scripts/bench. Ends with 0 also when goals are missed, which the table says; with 1 when a run failed."""
import argparse
import json
import os
import platform
import sys
from pathlib import Path

import aws_rows
import azure_rows
import eventhubs_rows
import gcp_rows
import http_rows
import kafka_rows
import local_rows
import mqtt3_rows
import nats_rows
import postgresql_rows
import pubsub_rows
import rabbitmq_rows
import redis_rows
import sqs_rows
from bench import Settings
from processes import BenchError
from report import as_json, tables

# Each has ROWS, by name, and place(), which is there while they run: a server, or nothing.
FAMILIES = [http_rows, kafka_rows, local_rows, redis_rows, rabbitmq_rows, postgresql_rows, nats_rows, mqtt3_rows, aws_rows, sqs_rows, gcp_rows,
            pubsub_rows, azure_rows, eventhubs_rows]


def arguments() -> argparse.Namespace:
    names = [name for family in FAMILIES for name in family.ROWS]
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures the product beside its floors.",
                                     epilog="Rows: " + " ".join(names))
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, not what it costs")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows, or beginnings of their names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the JSON goes (build/bench/bench.json)")
    parser.add_argument("--mock", action="store_true", help="librdkafka's mock cluster instead of a real Kafka")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="a Kafka that runs already")
    parser.add_argument("--self-check", action="store_true", help="measures the floors against themselves: the noise of this machine")
    parser.add_argument("--list", action="store_true", help="the names of the rows")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.rows = [name for name in names if not given.only or any(name.startswith(word) for word in given.only)]
    unknown = [word for word in given.only or [] if not any(name.startswith(word) for name in names)]
    if unknown:
        parser.error(f"unknown row {unknown[0]}, expected one of: {' '.join(names)}")
    return given


def measured(name: str, result) -> list:
    rows = result if isinstance(result, list) else [result]
    for row in rows:
        print(f"  {row.name}: {row.what}", file=sys.stderr, flush=True)
    return rows


def run_rows(given: argparse.Namespace, settings: Settings) -> list:
    rows = []
    for family in FAMILIES:
        wanted = [name for name in given.rows if name in family.ROWS]
        if wanted:
            with family.place(settings) as place:
                for name in wanted:
                    rows += measured(name, family.ROWS[name](settings, place))
    return rows


def main() -> int:
    given = arguments()
    if given.list:
        print("\n".join(given.rows))
        return 0
    settings = Settings(given.build.resolve(), self_check=given.self_check, mock=given.mock, given_brokers=given.brokers)
    if given.quick:
        settings.rounds, settings.seconds, settings.warm_up, settings.starts = 1, 1.0, 0.3, 5
    kafka = "given" if given.brokers else "mock cluster of librdkafka" if given.mock else "Apache Kafka 4.1.0, one node"
    machine = {"processor": processor(), "cores": os.cpu_count(), "kernel": platform.release(), "kafka": kafka,
               "rounds": settings.rounds, "seconds": settings.seconds, "load_before": os.getloadavg()[0],
               "self_check": settings.self_check}
    try:
        rows = run_rows(given, settings)
    except BenchError as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    file = given.json or given.build / "bench.json"
    file.write_text(json.dumps(as_json(rows, machine), indent=1), encoding="utf-8")
    print(f"\n{machine['cores']} x {machine['processor']}, kernel {machine['kernel']}"
          + (f", Kafka: {kafka}" if any(name in kafka_rows.ROWS for name in given.rows) else "") +
          f"; median of {settings.rounds} round(s) of {settings.seconds:g} s, load before {machine['load_before']:.1f}"
          + ("; floors against themselves" if settings.self_check else ""))
    print(tables(rows))
    missed = [row.name for row in rows if row.met() is False]
    print(f"\n{'goals missed: ' + ', '.join(missed) if missed else 'all goals met'}; JSON in {file}")
    return 0


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
