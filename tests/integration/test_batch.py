"""Several events in one request: what the application gets, what its word about each of them does, and that none is lost."""

import json
import threading

from support.app import Answer
from support.host import component
from support.wait import wait_until

HUNDRED = 100


def numbers(**fields):
    return component("numbers", "bindings.generator", {"direction": "input", "batchMax": HUNDRED, **fields})


class Handler:
    """Answers batches: `judge(number, times)` gives the word for an event that comes for the `times`-th time."""

    def __init__(self, judge):
        self._judge = judge
        self._lock = threading.Lock()
        self.batches = []  # the numbers in each request
        self.taken = []  # the numbers with SUCCESS, in order
        self.times = {}

    def __call__(self, request):
        entries = json.loads(request.body)
        assert int(request.header("cleat-batch-size")) == len(entries)
        with self._lock:
            self.batches.append([entry["data"]["n"] for entry in entries])
            return Answer(200, json.dumps({"statuses": [self._say(entry) for entry in entries]}).encode())

    def _say(self, entry):
        number = entry["data"]["n"]
        self.times[number] = self.times.get(number, 0) + 1
        word = self._judge(number, self.times[number])
        if word == "SUCCESS":
            self.taken.append(number)
        return {"entryId": entry["entryId"], "status": word}


def all_acked(host, count):
    return host.wait_for_state("numbers", lambda state: state.get("acked") == count, f"{count} acked", 60)


def test_an_entry_holds_the_whole_event(start_host, app):
    handler = Handler(lambda number, times: "SUCCESS")
    app.always("/numbers", handler)
    host = start_host(numbers(count=3), app=app)
    all_acked(host, 3)
    requests = app.requests("/numbers")
    assert {request.header("content-type") for request in requests} == {"application/json"}
    entry, = (entry for request in requests for entry in json.loads(request.body) if entry["entryId"] == "1")
    assert entry["data"] == {"n": 1, "lane": 0, "pad": ""}
    assert (entry["metadata"]["n"], entry["metadata"]["cleat-attempt"]) == ("1", "1")
    assert entry["metadata"]["cleat-first-seen"].endswith("Z")


def test_three_of_a_hundred_fail_and_only_they_come_again(start_host, app):
    failing = {7, 50, 100}
    again = threading.Event()
    handler = Handler(lambda number, times: "RETRY" if number in failing and not again.is_set() else "SUCCESS")
    app.always("/numbers", handler)
    host = start_host(numbers(count=HUNDRED, batchLinger="1s", maxInFlight=1), app=app)
    all_acked(host, HUNDRED - len(failing))
    again.set()
    state = all_acked(host, HUNDRED)
    assert state["unsettled"] == 0
    assert max(len(batch) for batch in handler.batches) > 1
    assert {number for number, times in handler.times.items() if times > 1} == failing
    assert sorted(handler.taken) == list(range(1, HUNDRED + 1))


def test_what_the_answer_does_not_mention_comes_again(start_host, app):
    seen = []

    def silent_once(request):
        entries = json.loads(request.body)
        seen.append([entry["data"]["n"] for entry in entries])
        told = entries if len(seen) > 1 else []
        return Answer(200, json.dumps({"statuses": [{"entryId": entry["entryId"], "status": "SUCCESS"} for entry in told]}).encode())

    app.always("/numbers", silent_once)
    host = start_host(numbers(count=10, maxInFlight=1), app=app)
    all_acked(host, 10)
    assert {number for batch in seen[1:] for number in batch} == set(range(1, 11))
    assert all(sum(number in batch for batch in seen) == 2 for number in seen[0])


def test_order_in_each_lane_is_kept(start_host, app):
    lanes, count = 4, 2000
    broken = set()  # lanes in which this request failed already

    class InOrder(Handler):
        def __call__(self, request):
            with self._lock:
                broken.clear()
            return super().__call__(request)

    def judge(number, times):
        lane = number % lanes
        if lane in broken or (number % 97 == 0 and times == 1):
            broken.add(lane)
            return "RETRY"
        return "SUCCESS"

    # One request at a time, so that `broken` belongs to it.
    handler = InOrder(judge)
    app.always("/numbers", handler)
    host = start_host(numbers(count=count, lanes=lanes, maxInFlight=1), app=app)
    all_acked(host, count)
    assert max(len(batch) for batch in handler.batches) > lanes
    for lane in range(lanes):
        assert [number for number in handler.taken if number % lanes == lane] == \
            [number for number in range(1, count + 1) if number % lanes == lane]


def test_a_batch_that_fails_as_a_whole_is_attempted_again_and_nothing_is_lost(start_host, app):
    handler = Handler(lambda number, times: "SUCCESS")
    app.answer("/numbers", 500, Answer(cut="inside"), 503)
    app.always("/numbers", handler)
    host = start_host(numbers(count=1000, lanes=8), app=app)
    state = all_acked(host, 1000)
    assert state["unsettled"] == 0
    assert sorted(handler.taken) == list(range(1, 1001))


def test_one_poison_event_ends_as_a_dead_letter_alone(start_host, app, tmp_path):
    letters = tmp_path / "letters"
    poison = 42
    handler = Handler(lambda number, times: "SUCCESS")

    def refuse_poison(request):
        # A single event comes as a batch of one.
        return 422 if any(entry["data"]["n"] == poison for entry in json.loads(request.body)) else handler(request)

    app.always("/numbers", refuse_poison)
    host = start_host(numbers(count=HUNDRED, deadLetter="letters"),
                      component("letters", "bindings.sink", {"file": letters}), app=app)
    all_acked(host, HUNDRED - 1)
    wait_until(lambda: host.state("numbers").get("deadLettered") == 1, lambda: f"one dead letter: {host.state('numbers')}")
    lines = letters.read_text().splitlines()
    assert len(lines) == 1 and json.loads(lines[0].split("\t")[0])["n"] == poison
    assert host.state("numbers")["unsettled"] == 0
    assert sorted(handler.taken) == [number for number in range(1, HUNDRED + 1) if number != poison]
