"""Numbered messages of SQS at full speed while the host, the server and the application are killed. Such a queue has no order, and gives a
message out again whose deletion it did not hear of: what counts is that none is missing, and that none was deleted that nobody has taken."""

import http.client
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.fixtures import serving
from support.host import component
from support.ledger import LedgerApplication
from support.servers_aws import ElasticMq
from support.wait import wait_until

EVENTS = 3000

server = serving(ElasticMq)


@pytest.fixture
def ledger(tmp_path, seed):
    made = LedgerApplication(tmp_path, seed, failures=0.02, cut=0.01)
    yield made
    made.close()


def queue_component(server, name, direction):
    return component("numbers", "bindings.aws.sqs", {**server.fields(queueName=name), "direction": direction, "visibilityTimeout": "4s", "waitTime": "1s"})


def left_of(server, url):
    """How many messages the queue still has."""
    return sum(server.counts(url))


def send_numbers(server, url):
    numbers = [f'{{"n":{number},"lane":{number % 8}}}' for number in range(1, EVENTS + 1)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: server.send(url, *numbers[at:at + 250]), range(0, EVENTS, 250)))


@pytest.mark.timeout(240)
def test_in(start_host, server, ledger):
    name, url = server.queue()
    send_numbers(server, url)
    text = queue_component(server, name, "input")

    def no_more_deleted_than_taken(when):
        deleted = EVENTS - left_of(server, url)
        assert deleted <= ledger.look(), f"{when}: {deleted} are deleted, and {len(ledger.seen)} were taken"

    host = start_host(text, app=ledger.port)
    for part in (1, 2, 3, 4):
        ledger.wait_for(EVENTS * part // 6, 90, f"before kill {part}")
        if part % 2:
            host.kill()
            no_more_deleted_than_taken(f"host killed at {len(ledger.seen)}")
            host = start_host(text, app=ledger.port)
        elif part == 2:
            server.kill()
            server.start()
        else:
            ledger.kill()
            ledger.start()
    ledger.wait_for(EVENTS, 90)
    wait_until(lambda: left_of(server, url) == 0, lambda: f"the queue is empty, it has {left_of(server, url)}", 60)
    verdict = ledger.judge(EVENTS, lane_limit=EVENTS)
    assert not verdict.missing and not verdict.unknown, str(verdict)


@pytest.mark.timeout(240)
def test_out(start_host, server):
    """What was said to be in the queue is in it; a call that got no such answer may be there or not."""
    name, url = server.queue()
    text, said = queue_component(server, name, "output"), set()
    hosts, numbers, is_up, patience = [start_host(text).outbound_ready()], itertools.count(), threading.Event(), threading.Event()
    is_up.set()

    def call_until_the_end():
        while len(said) < 1500:
            number = next(numbers)
            is_up.wait()
            try:
                if hosts[-1].create("numbers", number).status in (200, 204):
                    said.add(number)
                    continue
            except (OSError, http.client.HTTPException):
                pass  # the host was killed meanwhile
            patience.wait(0.05)

    with ThreadPoolExecutor(16) as pool:
        running = [pool.submit(call_until_the_end) for _ in range(16)]
        wait_until(lambda: len(said) > 300, lambda: f"{len(said)} calls are done", 60)
        server.kill()
        server.start()
        wait_until(lambda: len(said) > 700, lambda: f"{len(said)} calls are done", 60)
        is_up.clear()
        hosts[-1].kill()
        hosts.append(start_host(text).outbound_ready())
        is_up.set()
        for each in running:
            each.result()
    found = set()
    with ThreadPoolExecutor(4) as pool:
        while left_of(server, url):
            for some in pool.map(lambda _: server.receive(url), range(8)):
                found |= {int(each["Body"]) for each in some}
    assert said <= found, f"{sorted(said - found)[:10]} are not in the queue"
