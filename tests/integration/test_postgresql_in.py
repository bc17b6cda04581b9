"""A row of a queue table becomes a POST, and is settled after the application answered."""

import signal
import threading
import time

from support.app import Answer
from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_postgres import PASSWORD, Postgres
from support.wait import holds_for, wait_until

server = serving(Postgres)


def income(server, table, port=None, name="in", **fields):
    given = {"direction": "input", **server.fields(port), "queueTable": table, "pollInterval": "100ms", "leaseTime": "60s", **fields}
    return component(name, "bindings.postgresql", given)


def bodies(app):
    return [request.body for request in app.requests("/in")]


# --- what an event is ---


def test_a_row_becomes_an_event_and_is_deleted(start_host, server, app):
    table = server.queue()
    start_host(income(server, table, metadataColumn="metadata", laneColumn="lane"), app=app)
    number = server.send(table, b"\0\1{}\xff\n", lane="ü", metadata='{"colour": "blue", "size": 1.50, "id": "mine"}')[0]
    event = app.wait_for(1, "/in")[0]
    assert event.body == b"\0\1{}\xff\n"
    assert {name: event.header(name) for name in ("id", "table", "attempts", "colour", "size", "cleat-attempt")} == {
        "id": str(number), "table": table, "attempts": "1", "colour": "blue", "size": "1.50", "cleat-attempt": "1"}
    server.wait_empty(table)


def test_rows_of_text_and_empty_ones(start_host, server, app):
    table = server.queue()
    server.run(f"ALTER TABLE {table} ALTER payload TYPE jsonb USING '{{}}'")
    start_host(income(server, table), app=app)
    server.send(table, '{"a": [1.50, "ü"]}')
    assert app.wait_for(1, "/in")[0].body == '{"a": [1.50, "ü"]}'.encode()
    other = server.queue()
    start_host(income(server, other), app=app)
    server.send(other, b"")
    assert app.wait_for(2, "/in")[1].body == b""


def test_names_that_are_not_the_shipped_ones(start_host, server, app):
    schema = server.queue()
    server.run(f"""CREATE SCHEMA {schema}_s; CREATE TABLE {schema}_s."My ""Queue" ("No" uuid PRIMARY KEY DEFAULT gen_random_uuid(), "the body" text, how text DEFAULT 'ready',
        n int DEFAULT 0, later timestamptz, until timestamptz, "who;" text)""")
    start_host(income(server, f'{schema}_s.My "Queue', idColumn="No", payloadColumn="the body", stateColumn="how", attemptsColumn="n", notBeforeColumn="later",
                      lockedUntilColumn="until", leaseTokenColumn="who;", onDone="mark"), app=app)
    server.run(f"""INSERT INTO {schema}_s."My ""Queue" ("the body") VALUES ('x')""")
    assert app.wait_for(1, "/in")[0].body == b"x"
    wait_until(lambda: server.run(f"""SELECT how, n, until, "who;" FROM {schema}_s."My ""Queue" """) == [("done", 1, None, None)], "it is marked")


def test_a_notification_wakes_it(start_host, server, app):
    table = server.queue()
    start_host(income(server, table, notifyChannel=table, pollInterval="1h"), app=app)
    wait_until(lambda: any("SELECT ceil" in query for query in server.backends()), "it has found nothing to do")
    server.send(table, b"1")
    app.wait_for(1, "/in")
    server.wait_empty(table)
    server.send(table, b"2")
    app.wait_for(2, "/in")


# --- verdicts ---


def test_a_failed_event_is_tried_again_and_keeps_its_row(start_host, server, app):
    table = server.queue()
    app.answer("/in", 500, 503)
    start_host(income(server, table, onDone="mark"), app=app)
    server.send(table, b"1")
    app.wait_for(3, "/in")
    wait_until(lambda: server.rows(table) == [("done", 1)], lambda: f"it is marked: {server.rows(table)}")


def test_a_rejected_event_is_dead(start_host, server, app):
    table = server.queue()
    app.always("/in", lambda request: 422 if request.body == b"bad" else 200)
    start_host(income(server, table, deadLetter="broker"), app=app)
    server.send(table, b"bad", b"good")
    wait_until(lambda: server.rows(table) == [("dead", 1)], lambda: f"one is dead: {server.rows(table)}")
    assert server.rows(table, "payload::text") == [("\\x626164",)]


def test_a_row_that_the_table_does_not_let_go_takes_no_other_along(start_host, server, app):
    table = server.queue()
    gate = threading.Event()
    app.always("/in", Answer(gate=gate))
    host = start_host(income(server, table, leaseTime="300s"), app=app)
    ids = server.send(table, *(f"{number}".encode() for number in range(40)))
    server.run(f"CREATE TABLE {table}_of (id bigint REFERENCES {table})")
    server.run(f"INSERT INTO {table}_of VALUES (%s)", ids[20])
    app.wait_for(40, "/in")
    gate.set()  # they are settled together
    wait_until(lambda: server.rows(table, "id") == [(ids[20],)], lambda: f"the others are gone, there are {server.rows(table, 'id')}")
    host.wait_for_message("a row cannot be settled", "violates foreign key")


def test_a_row_that_is_due_later_waits(start_host, server, app):
    """And comes when it is due, however long it is until the next look at the table."""
    table = server.queue()
    began = time.monotonic()
    server.send(table, b"later", not_before=server.run("SELECT now() + interval '5 s'")[0][0])
    server.send(table, b"now")
    start_host(income(server, table, pollInterval="1h"), app=app)
    app.wait_for(2, "/in")
    assert sorted(bodies(app)) == [b"later", b"now"]
    assert next(request.at for request in app.requests("/in") if request.body == b"later") - began >= 5


def test_a_row_that_becomes_due_between_two_looks_is_not_left_until_the_next_poll(start_host, server, app):
    """Each word takes a second: when nothing can be claimed it is not due, and is when it is asked what will be."""
    table = server.queue()
    way = Gate(server.port("postgres"))
    try:
        start_host(income(server, table, way.port, notifyChannel=table, pollInterval="1h"), app=app)
        wait_until(lambda: any("SELECT ceil" in query for query in server.backends()), "it has found nothing to do")
        way.flow("delay", 1)
        server.send(table, b"soon", not_before=server.run("SELECT now() + interval '3 s'")[0][0])
        app.wait_for(1, "/in")
    finally:
        way.close()


# --- at least once, and once where nothing breaks ---


def test_a_handler_longer_than_the_lease_runs_once(start_host, server, app):
    table, gate = server.queue(), threading.Event()
    app.always("/in", Answer(gate=gate))
    app.always("/in2", Answer(gate=gate))
    start_host(*(income(server, table, name=name, leaseTime="4s") for name in ("in", "in2")), app=app)
    server.send(table, b"slow")
    app.wait_for(1)
    holds_for(lambda: len(app.requests("/in")) + len(app.requests("/in2")) == 1, 9, "it was given out again while it was worked on")
    gate.set()
    server.wait_empty(table)


def test_a_killed_host_loses_nothing(start_host, server, app):
    table, gate = server.queue(), threading.Event()
    app.answer("/in", Answer(gate=gate), of=b"cut")
    host = start_host(income(server, table, maxInFlight="1", leaseTime="5s"), app=app)
    server.send(table, b"done", b"cut", b"untouched")
    app.wait_for(2, "/in")
    wait_until(lambda: len(server.rows(table)) == 2, "the first is deleted")
    host.kill()
    gate.set()
    start_host(income(server, table), app=app)
    server.wait_empty(table)
    assert sorted(bodies(app)) == [b"cut", b"cut", b"done", b"untouched"]
    again = [request for request in app.requests("/in") if request.body == b"cut"][1]
    assert (again.header("attempts"), again.header("cleat-attempt")) == ("2", "2")


def test_a_killed_server_gets_what_was_settled_meanwhile(start_host, server, app):
    table, gate = server.queue(), threading.Event()
    app.answer("/in", *(Answer(gate=gate) for _ in range(3)))
    host = start_host(income(server, table), app=app)
    server.send(table, b"0", b"1", b"2")
    app.wait_for(3, "/in")
    server.kill()
    host.wait_for_state("in", lambda state: "PostgreSQL cannot be reached" in str(state), "it says that the server is gone")
    gate.set()
    server.start()
    server.wait_empty(table)
    server.send(table, b"3")
    app.wait_for(4, "/in")
    assert sorted(bodies(app)) == [b"0", b"1", b"2", b"3"]


def test_a_lease_that_ended_is_taken_over_and_the_first_host_does_not_settle_it(start_host, server, app):
    table, gate = server.queue(), threading.Event()
    app.answer("/in", Answer(gate=gate))
    way = Gate(server.port("postgres"))
    try:
        first = start_host(income(server, table, way.port, leaseTime="4s"), app=app)
        server.send(table, b"x")
        app.wait_for(1, "/in")
        way.flow("hold")
        first.wait_for_message("lease of rows ended", level="warning")
        second_gate = threading.Event()
        app.answer("/in", Answer(gate=second_gate))
        start_host(income(server, table, leaseTime="60s"), app=app)
        app.wait_for(2, "/in")
        gate.set()
        way.cut()
        way.flow("pass")
        first.wait_for_state("in", lambda state: "cannot be reached" not in str(state), "it is connected again")
        holds_for(lambda: server.rows(table) == [("ready", 2)], 1, "the row of the second host was touched")
        second_gate.set()
        server.wait_empty(table)
    finally:
        way.close()


def test_two_hosts_on_one_table_share_it(start_host, server, app):
    table = server.queue()
    for _ in range(2):
        start_host(income(server, table), app=app)
    server.send(table, *(b"%d" % number for number in range(400)))
    server.wait_empty(table)
    assert sorted(bodies(app)) == sorted(b"%d" % number for number in range(400))


def test_a_server_that_restarts_again_and_again(start_host, server, app):
    table = server.queue()
    start_host(income(server, table, notifyChannel=table), app=app)
    for round_ in range(2):
        server.send(table, *(b"%d" % (round_ * 200 + number) for number in range(200)))
        app.wait_for(round_ * 200 + 20, "/in")
        server.kill()
        server.start()
        app.wait_for(round_ * 200 + 200, "/in")
    server.wait_empty(table)
    assert set(bodies(app)) == {b"%d" % number for number in range(400)}


def test_a_stop_gives_back_what_was_not_handled(start_host, server, app):
    table, gate = server.queue(), threading.Event()
    app.answer("/in", Answer(gate=gate))
    host = start_host(income(server, table, maxInFlight="1", leaseTime="1h"), app=app)
    server.send(table, b"0", b"1", b"2")
    app.wait_for(1, "/in")
    host.signal(signal.SIGTERM)
    host.wait_for_message("stopping")
    gate.set()
    assert host.wait_exit() == 0
    assert server.rows(table, "payload::text, state, attempts, locked_until") == [("\\x31", "ready", 0, None), ("\\x32", "ready", 0, None)]


# --- order ---


def test_a_lane_is_one_after_the_other(start_host, server, app):
    table = server.queue()
    running, most, lock = {}, [0], threading.Lock()

    def answer(request):
        lane = request.header("lane")
        with lock:
            running[lane] = running.get(lane, 0) + 1
            most[0] = max(most[0], running[lane])
        # Failing now and then, which must not let the next one of the lane pass.
        failing = request.body.endswith(b"5") and request.header("cleat-attempt") == "1"
        with lock:
            running[lane] -= 1
        return 500 if failing else 200
    app.always("/in", answer)
    for _ in range(2):
        start_host(income(server, table, laneColumn="lane"), app=app)
    for number in range(20):
        for lane in "abc":
            server.send(table, b"%02d" % number, lane=lane)
    server.wait_empty(table)
    for lane in "abc":
        seen = [request.body for request in app.requests("/in") if request.header("lane") == lane]
        assert list(dict.fromkeys(seen)) == [b"%02d" % number for number in range(20)] and seen == sorted(seen), seen
    assert most[0] == 1


def test_strict_order_holds_for_all_hosts(start_host, server, app):
    table = server.queue()
    for _ in range(2):
        start_host(income(server, table, ordering="strict"), app=app)
    server.send(table, *(b"%02d" % number for number in range(40)))
    server.wait_empty(table)
    assert bodies(app) == [b"%02d" % number for number in range(40)]
    assert app.most_running == 1


# --- what is wrong ---


def test_a_table_that_is_not_there_is_said_and_waited_for(start_host, server, app):
    table = f"{server.queue()}_later"
    host = start_host(income(server, table), app=app)
    host.wait_for_state("in", lambda state: "SQLSTATE 42P01" in str(state), "it says that there is no table")
    server.run(f"CREATE TABLE {table} (LIKE {table[:-6]} INCLUDING ALL)")
    server.send(table, b"1")
    app.wait_for(1, "/in")
    host.wait_for_state("in", lambda state: "SQLSTATE" not in str(state), "it is well again")
    assert PASSWORD not in host.output


def test_a_connection_that_hangs_is_given_up(start_host, server, app):
    table = server.queue()
    way = Gate(server.port("postgres"))
    try:
        host = start_host(income(server, table, way.port, leaseTime="3s"), app=app)
        server.send(table, b"1")
        app.wait_for(1, "/in")
        server.wait_empty(table)
        way.flow("hold")
        host.wait_for_state("in", lambda state: "does not answer" in str(state), "it says so")
        way.cut()
        way.flow("pass")
        server.send(table, b"2")
        app.wait_for(2, "/in")
    finally:
        way.close()


def test_backends_that_are_ended_under_load_forget_no_acknowledgement(start_host, server, app):
    table = server.queue()
    start_host(income(server, table, leaseTime="120s"), app=app)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleat'"
    for turn in range(1, 13):
        server.send(table, *[b"%d-%d" % (turn, number) for number in range(300)])
        app.wait_for(turn * 300 - 150, "/in")
        server.run(end)
    server.wait_empty(table)  # long before the leases end
    assert set(bodies(app)) == {b"%d-%d" % (turn, number) for turn in range(1, 13) for number in range(300)}


def test_a_stop_waits_for_the_connection_that_broke(start_host, server, app):
    """What the application did is in the table, also if the backend ends just before the signal comes."""
    table = server.queue()
    gate = threading.Event()
    app.always("/in", Answer(gate=gate))
    host = start_host(income(server, table, leaseTime="120s"), app=app)
    server.send(table, *[b"%d" % number for number in range(20)])
    app.wait_for(1, "/in")
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleat'")
    host.signal(signal.SIGTERM)
    gate.set()
    assert host.wait_exit(30) == 0
    done = len(bodies(app))
    assert server.run(f"SELECT count(*) FROM {table}") == [(20 - done,)], done


def test_a_backend_that_is_ended_costs_nothing(start_host, server, app):
    table = server.queue()
    start_host(income(server, table), app=app)
    for number in range(5):
        server.send(table, b"%d" % number)
        app.wait_for(number + 1, "/in")
        server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleat'")
    server.wait_empty(table)
    assert set(bodies(app)) == {b"%d" % number for number in range(5)}
