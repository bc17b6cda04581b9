"""The harness itself: a judge that finds nothing and a gate that lets everything through would make every other test here pass."""

import contextlib
import json
import socket
import threading
import time

import pytest

from support.faults import ALL, make_plan
from support.gate import Gate
from support.judge import Ledger
from support.ledger import LedgerApplication
from support.wait import holds_for, wait_until

# --- the judge ---


def mark(edge, explains="running", **more):
    return "! " + json.dumps({"fault": 1, "edge": edge, "name": "fault", "explains": explains, **more})


def judge(tmp_path, events, *lines, **how):
    path = tmp_path / "judged"
    path.write_text("".join(line + "\n" for line in lines))
    return Ledger.read(path).judge(events, **how)


def test_judge_is_content(tmp_path):
    verdict = judge(tmp_path, 4, "1 1 200", "2 2 500", "3 1 200", "2 2 200", "4 2 200")
    assert verdict.ok() and str(verdict).startswith("4 events, 0 faults: 0 missing")


def test_judge_sees_what_is_missing(tmp_path):
    assert judge(tmp_path, 4, "1 1 200", "2 2 500", "4 2 200").missing == [2, 3]
    assert judge(tmp_path, 4, "1 1 200", "4 2 200", elsewhere=[2]).missing == [3]


def test_judge_sees_what_was_never_sent(tmp_path):
    assert judge(tmp_path, 1, "1 1 200", "2 1 200").unknown == [2]


def test_judge_sees_a_duplicate_without_a_reason(tmp_path):
    verdict = judge(tmp_path, 1, "1 1 200", "1 1 200")
    assert verdict.unexplained == ["1 of lane 1 was taken in line 1 and again in line 2, and no fault explains that"]


def test_judge_sees_disorder(tmp_path):
    verdict = judge(tmp_path, 3, "1 1 200", "3 1 200", "2 1 200")
    assert verdict.disorder == ["2 of lane 1 came for the first time in line 3, after 3 had come"]
    assert not judge(tmp_path, 3, "1 1 200", "3 1 200", "2 2 200").disorder
    assert not judge(tmp_path, 2, mark("begin", "position", position={"1": 1}), "1 1 200", "2 1 200", "1 1 200", "2 1 200").disorder


@pytest.mark.parametrize("explains, numbers, explained", [
    ("running", [1, 3, "begin", "end", 3], True),      # the last before the fault
    ("running", [1, 3, "begin", "end", 1], False),     # answered long before
    ("running", [1, "begin", 3, 3, "end"], True),      # during it
    ("running", [1, "begin", 3, "end", 3], True),
    ("running", [1, "begin", 3, "end", 5, 3], False),  # its lane went on meanwhile, so it was answered
    ("running", [1, "begin", "end", 3, 3], False),     # after it
    ("nothing", [1, 3, "begin", "end", 3], False),
    ("nothing", [1, "begin", 3, "end", 3], False),
    ("position", [1, 3, 5, "begin", "end", 3], True),
    ("position", [1, 3, 5, "begin", 7, "end", 9, 7], True),
    ("position", [1, 3, 5, "begin", "end", 1], False),  # the source knew that it is done
    ("position", [1, 3, "begin", "end", 5, 5], False),
])
def test_judge_knows_what_a_fault_explains(tmp_path, explains, numbers, explained):
    lines = [mark(each, explains, position={"1": 3}) if isinstance(each, str) else f"{each} 1 200" for each in numbers]
    verdict = judge(tmp_path, 9, *lines)
    assert len(verdict.unexplained) == (not explained)
    assert sum(verdict.explained.values()) == explained


def test_judge_explains_an_answer_that_was_cut(tmp_path):
    assert judge(tmp_path, 1, "1 1 cut", "1 1 200").explained == {"answer cut": 1}


def test_judge_does_not_explain_before_the_fault(tmp_path):
    assert judge(tmp_path, 1, "1 1 200", "1 1 200", mark("begin"), mark("end")).unexplained


# --- the plan ---


def test_a_seed_gives_the_same_plan():
    def told(seed):
        return [(at, fault.name, chance.random()) for at, fault, chance in make_plan(seed, 20_000, 40, has=["kafka"])]
    assert told("1") == told("1") and told("1") != told("2")


def test_a_plan_has_every_fault_that_is_possible():
    names = {fault.name for _, fault, _ in make_plan("1", 20_000, 40, has=["kafka", "dead letters"], soak=True)}
    assert names == {kind.name for kind in ALL}


# --- the gate ---


class Echo:
    """Gives back what it gets, and counts how many reads that took."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reads = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.reads.append(len(data))
                connection.sendall(data)


@pytest.fixture
def echo():
    found = Echo()
    yield found
    found.listener.close()


def receive(client, count):
    found = b""
    while len(found) < count and (more := client.recv(count - len(found))):
        found += more
    return found


@pytest.fixture
def gate(echo):
    found = Gate(echo.port)
    yield found
    found.close()


@pytest.fixture
def client(gate):
    with socket.create_connection(("127.0.0.1", gate.port), 10) as found:
        found.sendall(b"hello")
        assert receive(found, 5) == b"hello"
        yield found


def test_gate_lets_much_through(client):
    data = bytes(range(256)) * 20_000
    threading.Thread(target=client.sendall, args=(data,), daemon=True).start()
    assert receive(client, len(data)) == data


def test_gate_passes_an_end_on(client):
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


def test_gate_cuts_with_rst(gate, client):
    assert gate.cut("rst") == 1
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_gate_cuts_with_fin(gate, client):
    assert gate.cut("fin") == 1
    assert client.recv(1) == b""


def test_gate_holds_and_gives_it_later(gate, echo, client):
    gate.flow("hold")
    seen = len(echo.reads)
    client.sendall(b"held")
    holds_for(lambda: len(echo.reads) == seen, 0.1, "nothing comes through")
    gate.flow()
    assert receive(client, 4) == b"held"


def test_gate_delays(gate, client):
    gate.flow("delay", 0.05)
    began = time.monotonic()
    client.sendall(b"late")
    assert receive(client, 4) == b"late"
    assert time.monotonic() - began >= 0.1  # there and back


def test_gate_slices(gate, echo, client):
    gate.flow("slice")
    echo.reads.clear()
    client.sendall(b"x" * 500)
    assert receive(client, 500) == b"x" * 500
    assert len(echo.reads) > 1


def test_gate_refuses_new_connections_only(gate, client):
    gate.flow("refuse")
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", gate.port), 10) as other:
        assert other.recv(1)
        raise AssertionError("it was not refused")
    client.sendall(b"still")
    assert receive(client, 5) == b"still"


# --- the application ---


@pytest.fixture
def application(tmp_path):
    found = LedgerApplication(tmp_path, 1)
    wait_until(lambda: post(found, 0) == b"200", "it listens")
    yield found
    found.close()


def post(application, number):
    """The status of the answer, or what was there instead of one."""
    body = b'{"n":%d,"lane":1}' % number
    try:
        with socket.create_connection(("127.0.0.1", application.port), 10) as connection:
            connection.sendall(b"POST /numbers HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            answer = connection.recv(4096)
            while answer and b"\r\n\r\n" not in answer and (more := connection.recv(4096)):
                answer += more
    except OSError:
        return None
    return answer.split()[1] if b"\r\n\r\n" in answer else answer


@pytest.mark.parametrize("control, answer, line", [
    ({}, b"200", "7 1 200"),
    ({"failures": 1}, b"500", "7 1 500"),
    ({"poison": {"7": 422}}, b"422", "7 1 422"),
    ({"poison": {"8": 422}}, b"200", "7 1 200"),
    ({"storm": 2}, b"429", "7 1 429"),
    ({"slow": 20}, b"200", "7 1 200"),
    ({"cut": 1}, b"HTTP/1.1 200 OK\r\ncontent-le", "7 1 cut"),
    ({"unheard": 1}, b"", "7 1 unheard"),
])
def test_application_is_told_while_it_runs(application, control, answer, line):
    application.control(**control)
    began = time.monotonic()
    assert post(application, 7) == answer
    assert time.monotonic() - began >= control.get("slow", 0) / 1000
    assert application.path.read_text().splitlines()[-1] == line
    application.control(**dict.fromkeys(control))
    assert post(application, 8) == b"200"


def test_application_loses_nothing_in_a_kill(application):
    for number in range(1, 50):
        assert post(application, number) == b"200"
    application.kill()
    assert application.look() == 50  # and the number 0 of the fixture
