"""Statements in PostgreSQL, by the host and looked at by psycopg2."""

import concurrent.futures
import contextlib
import json
import os
import signal
import threading
import time

import pytest

from support.fixtures import serving
from support.gate import Gate
from support.host import component
from support.servers_postgres import PASSWORD, Postgres
from support.wait import wait_until

QUERY_OF_ALL = """SELECT 7::int2, 12345678901234567890.10::numeric, 1.5::float8, 'NaN'::float8, 'Infinity'::numeric, true, NULL::text, 'a"ü',
  '\\x00ff'::bytea, '{"a": [1.0]}'::json, timestamptz '2024-05-01 10:00:00.25+02', timestamp '2024-05-01 10:00:00', date '2024-05-01',
  ARRAY[1,NULL,3], ARRAY['a,b','"c"'], ARRAY[[1.50,2]], '0e37df36-f698-11e6-8dd4-cb9ced3df976'::uuid, 9007199254740993::int8,
  interval '1 day 02:00', '[1,5)'::int4range, ARRAY['2024-05-01'::date], ARRAY['{"k":1}'::jsonb]"""
ALL = """[[7,12345678901234567890.10,1.5,"NaN","Infinity",true,null,"a\\"ü","AP8=",{"a": [1.0]},"2024-05-01T08:00:00.25Z",
"2024-05-01T10:00:00Z","2024-05-01T00:00:00Z",[1,null,3],["a,b","\\"c\\""],[[1.50,2]],"0e37df36-f698-11e6-8dd4-cb9ced3df976",9007199254740993,
"1 day 02:00:00","[1,5)",["2024-05-01T00:00:00Z"],[{"k": 1}]]]""".replace("\n", "")

server = serving(Postgres)


@pytest.fixture
def table(server):
    name = server.queue()
    server.run(f"CREATE TABLE {name}_t (id int PRIMARY KEY, a text, j jsonb, n numeric, l int[])")
    return f"{name}_t"


def outcome(server, **fields):
    return component("db", "bindings.postgresql", {**server.fields(), **fields})


def start(start_host, server, *options, **fields):
    return start_host(outcome(server, **fields), options=options).outbound_ready()


def ask(host, operation, sql=None, params=None):
    metadata = {} if sql is None else {"sql": sql}
    if params is not None:
        metadata["params"] = params if isinstance(params, str) else json.dumps(params)
    return host.invoke("db", {"operation": operation, "metadata": metadata})


def refused(host, *parts, operation="exec", sql=None, params=None, code=None):
    reply = ask(host, operation, sql, params)
    assert reply.status == 500, (reply.status, reply.text)
    for part in parts:
        assert part in reply.text, reply.text
    assert PASSWORD not in reply.text
    if code is not None:
        assert reply.headers["cleat-status"] == code, (reply.headers, reply.text)
    return reply


# --- values ---


def test_every_type_as_json(start_host, server):
    """However the server writes them by default."""
    for setting in ("datestyle = 'German'", "bytea_output = 'escape'", "timezone = 'UTC'"):
        server.run(f"ALTER ROLE app SET {setting}")
    try:
        host = start(start_host, server)
        reply = ask(host, "query", QUERY_OF_ALL)
        assert reply.text == ALL
        assert reply.headers["content-type"].startswith("application/json")
    finally:
        server.run("ALTER ROLE app RESET ALL")


def test_parameters_are_typed_by_the_server(start_host, server, table):
    host = start(start_host, server)
    done = ask(host, "exec", f"INSERT INTO {table} VALUES ($1, $2, $3, $4, $5)", '[1, "ü\\"", {"a": [1.0, null]}, 12345678901234567890.10, [1, null, 3]]')
    assert (done.status, done.body, done.headers["metadata.rows-affected"]) == (200, b"", "1"), done.text
    assert ask(host, "exec", f"INSERT INTO {table} VALUES ($1, $2, $3, $4, $5)", [2, None, [1, "a"], None, None]).status == 200
    rows = server.run(f"SELECT id, a, j::text, n::text, l FROM {table} ORDER BY id")
    assert rows == [(1, 'ü"', '{"a": [1.0, null]}', "12345678901234567890.10", [1, None, 3]), (2, None, '[1, "a"]', None, None)]
    found = ask(host, "query", f"SELECT id FROM {table} WHERE id = ANY($1) AND (a = $2 OR $3)", [[1, 5], 'ü"', False])
    assert found.text == "[[1]]"
    assert ask(host, "query", f"SELECT 1 FROM {table} WHERE id = $1", [77]).text == "[]"


def test_an_answer_says_what_was_done(start_host, server, table):
    host = start(start_host, server)
    sql = f"INSERT INTO {table} (id) SELECT generate_series(1, 3)"
    reply = ask(host, "exec", sql)
    found = {name[9:]: value for name, value in reply.headers.items() if name.startswith("metadata.")}
    assert (found["operation"], found["sql"], found["rows-affected"]) == ("exec", sql, "3")
    assert found["start-time"].endswith("Z") and found["start-time"] < found["end-time"] and found["duration"].endswith("s")
    assert "metadata.rows-affected" not in ask(host, "query", "SELECT 1").headers


def test_several_statements_are_one_transaction(start_host, server, table):
    host = start(start_host, server)
    assert ask(host, "exec", f"INSERT INTO {table} (id) VALUES (1); INSERT INTO {table} (id) VALUES (2)").status == 200
    refused(host, "duplicate key", "(SQLSTATE 23505)", sql=f"INSERT INTO {table} (id) VALUES (3); INSERT INTO {table} (id) VALUES (2)", code="CONFLICT")
    assert [row[0] for row in server.run(f"SELECT id FROM {table} ORDER BY id")] == [1, 2]


# --- errors ---


def test_errors_have_their_sqlstate(start_host, server, table):
    host = start(start_host, server)
    refused(host, "error executing query: ERROR: relation", "does not exist (SQLSTATE 42P01)", sql="SELECT * FROM nothing", code="INVALID")
    refused(host, "(SQLSTATE 22P02)", sql=f"INSERT INTO {table} (id) VALUES ($1)", params=["x"], code="INVALID")
    refused(host, "required metadata not set: sql", sql="", code="INVALID")
    refused(host, "metadata required", code="INVALID")
    refused(host, "invalid metadata property params: failed to unserialize into an array: expected", "at byte 4", sql="SELECT $1", params="[1,")
    refused(host, "invalid metadata property params", "an array", sql="SELECT $1", params='{"a": 1}')
    refused(host, "COPY", "(SQLSTATE 0A000)", sql=f"COPY {table} TO STDOUT")
    refused(host, "COPY", "(SQLSTATE 0A000)", sql=f"COPY {table} FROM STDIN")
    assert ask(host, "query", "SELECT 1").text == "[[1]]"


def test_an_error_in_the_middle_of_a_result_is_an_error(start_host, server):
    refused(start(start_host, server), "division by zero (SQLSTATE 22012)", operation="query", sql="SELECT 1 / (5000 - n) FROM generate_series(1, 9000) n")


def test_a_result_that_is_too_large_is_an_error(start_host, server):
    host = start(start_host, server, maxResultSize="10k", maxConns="1")
    refused(host, "maxResultSize", operation="query", sql="SELECT repeat('x', 1000) FROM generate_series(1, 1000000)", code="TOO_LARGE")
    assert ask(host, "query", "SELECT repeat('x', 1000) FROM generate_series(1, 9)").status == 200


def test_a_transaction_that_is_left_open_is_an_error(start_host, server, table):
    host = start(start_host, server, maxConns="1")
    refused(host, "did not end it", sql=f"BEGIN; INSERT INTO {table} (id) VALUES (1)", code="INVALID")
    assert ask(host, "query", f"SELECT count(*) FROM {table}").text == "[[0]]"
    assert ask(host, "exec", f"BEGIN; INSERT INTO {table} (id) VALUES (1); COMMIT").status == 200
    refused(host, "what came before its COMMIT stays", sql=f"BEGIN; INSERT INTO {table} (id) VALUES (2); COMMIT; SELECT 1/0")
    assert ask(host, "query", f"SELECT count(*) FROM {table}").text == "[[2]]"


def test_a_setting_does_not_reach_the_next_call(start_host, server):
    host = start(start_host, server, maxConns="1")
    assert ask(host, "exec", "SET search_path = nowhere").status == 200
    assert ask(host, "query", "SHOW search_path").text == '[["\\"$user\\", public"]]'


def test_what_a_statement_raises_as_a_notice_is_not_printed(start_host, server):
    host = start(start_host, server)
    assert ask(host, "exec", "DO $$ BEGIN RAISE NOTICE 'hear me'; END $$").status == 200
    host.stop()
    assert "hear me" not in "".join(line for line in host.output.splitlines() if not line.startswith("{"))


# --- connections ---


def test_calls_share_so_many_connections(start_host, server):
    host = start(start_host, server, maxConns="2")
    replies = []

    def one():
        replies.append(ask(host, "query", "SELECT pg_backend_pid(), pg_sleep(0.1)"))
    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(reply.status == 200 for reply in replies)
    assert 1 <= len({reply.json()[0][0] for reply in replies}) <= 2


def test_pool_parameters_of_daprs_client_are_understood(start_host, server):
    address = f"postgres://app:{PASSWORD}@127.0.0.1:{server.port('postgres')}/app?pool_max_conns=1&pool_max_conn_lifetime=1h"
    host = start_host(component("db", "bindings.postgres", {"url": address})).outbound_ready()
    assert ask(host, "query", "SELECT current_user").text == '[["app"]]'


def test_idle_connections_are_closed(start_host, server):
    host = start(start_host, server, maxConns="3", connectionMaxIdleTime="300ms")
    threads = [threading.Thread(target=ask, args=(host, "query", "SELECT pg_sleep(3)")) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(server.backends()) == 3, "three connections")
    for thread in threads:
        thread.join()
    wait_until(lambda: len(server.backends()) == 1, lambda: f"one connection, there are {server.backends()}")


def test_close_is_for_good(start_host, server):
    host = start(start_host, server)
    assert ask(host, "close").status in (200, 204)
    assert ask(host, "close").status in (200, 204)
    refused(host, "component is closed", sql="SELECT 1")
    wait_until(lambda: not server.backends(), "no connection")


def test_tls_is_verified_where_a_certificate_is_named(start_host, server):
    host = start(start_host, server, sslRootCert=f"{server.state['tls']}/ca.pem", host="localhost")
    assert ask(host, "query", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").text == "[[true]]"
    host = start_host(outcome(server, sslRootCert=f"{server.state['tls']}/client.crt", host="localhost", timeout="2s"))
    host.wait_for_state("db", lambda state: "certificate" in str(state), "it says what is wrong with the certificate")


# --- what goes wrong ---


def test_a_wrong_password_is_said_without_it(start_host, server):
    host = start_host(outcome(server, password="not-the-secret"))
    host.wait_for_state("db", lambda state: "password authentication failed" in str(state), "it says that the password is wrong")
    reply = refused(host, "password authentication failed", sql="SELECT 1", code="UNAVAILABLE")
    assert "not-the-secret" not in reply.text + host.output


def test_a_connection_string_that_cannot_be_read_is_said_without_it(start_host, server):
    host = start_host(outcome(server, connectionString="host=127.0.0.1 password=not so secret"))
    host.wait_for_message("connectionString", "libpq")
    assert "secret" not in host.output


def test_the_server_is_told_to_end_a_statement_before_the_call_ends(start_host, server):
    host = start(start_host, server, invokeTimeout="60s")
    limit = ask(host, "query", "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'").json()[0][0]
    assert 30_000 < limit < 60_000


def test_a_call_ends_in_time_and_so_does_its_statement(start_host, server, table):
    host = start(start_host, server, maxConns="1", invokeTimeout="1s")
    begun = time.monotonic()
    refused(host, sql=f"INSERT INTO {table} (id) SELECT 1 FROM pg_sleep(60)", code="TIMEOUT")
    assert time.monotonic() - begun < 15
    wait_until(lambda: not any("pg_sleep" in query and state == "active" for query, state in server.run("SELECT query, state FROM pg_stat_activity WHERE application_name = 'cleat'")), "the server has ended it")
    assert server.run(f"SELECT * FROM {table}") == []
    wait_until(lambda: ask(host, "query", "SELECT 1").status == 200, "the next call finds a connection")


def test_what_waits_behind_a_statement_whose_backend_ends_is_carried_out(start_host, server, table):
    host = start(start_host, server, maxConns="1", invokeTimeout="60s")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, host, "query", "SELECT pg_sleep(30)")
        wait_until(lambda: any("pg_sleep" in query for query in server.backends()), "it runs")
        behind = [pool.submit(ask, host, "exec", f"INSERT INTO {table} (id) VALUES ({number})") for number in range(3)]
        wait_until(lambda: all(each.running() for each in behind), "they wait")
        server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleat'")
        assert "57P01" in first.result().text
        assert [each.result().headers.get("metadata.rows-affected") for each in behind] == ["1"] * 3, [each.result().text for each in behind]
    assert sorted(row[0] for row in server.run(f"SELECT id FROM {table}")) == [0, 1, 2]


def test_a_procedure_that_commits_is_not_to_be_repeated(start_host, server, table):
    server.run(f"CREATE PROCEDURE {table}_p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {table} (id) VALUES (1); COMMIT; "
               "RAISE EXCEPTION 'later' USING ERRCODE = '40001'; END $$")
    host = start(start_host, server)
    refused(host, "(SQLSTATE 40001)", "what it had committed until then stays", sql=f"CALL {table}_p()", code="CONFLICT")
    assert server.run(f"SELECT id FROM {table}") == [(1,)]


def test_a_server_that_does_not_answer_holds_no_call(start_host, server):
    gate = Gate(server.port("postgres"))
    try:
        host = start(start_host, server, connectionString=server.fields(gate.port)["connectionString"], maxConns="1", invokeTimeout="1s", timeout="2s")
        gate.flow("hold")
        begun = time.monotonic()
        refused(host, sql="SELECT 1", code="TIMEOUT")
        assert time.monotonic() - begun < 10
        gate.flow("pass")
        gate.cut()
        wait_until(lambda: ask(host, "query", "SELECT 1").status == 200, "it works again")
    finally:
        gate.close()


def test_the_statement_of_a_killed_host_ends(start_host, server, table):
    host = start(start_host, server, invokeTimeout="60s")

    def call():
        with contextlib.suppress(OSError):
            ask(host, "exec", f"INSERT INTO {table} (id) SELECT 1 FROM pg_sleep(90)")
    threading.Thread(target=call, daemon=True).start()
    wait_until(lambda: any("pg_sleep" in query for query in server.backends()), "the statement runs")
    host.kill()
    wait_until(lambda: not server.backends(), "the server has ended it")
    assert server.run(f"SELECT * FROM {table}") == []


def test_a_server_that_restarts(start_host, server, table):
    host = start(start_host, server)
    assert ask(host, "query", "SELECT 1").status == 200
    server.kill()
    host.wait_for_state("db", lambda state: "PostgreSQL cannot be reached" in str(state), "it says that the server is gone")
    refused(host, "PostgreSQL cannot be reached", sql="SELECT 1", code="UNAVAILABLE")
    server.start()
    wait_until(lambda: ask(host, "query", "SELECT 1").text == "[[1]]", "it works again")
    host.outbound_ready()


def test_a_statement_that_is_cut_may_have_been_carried_out(start_host, server):
    host = start(start_host, server)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(ask(host, "exec", "SELECT pg_sleep(20)")))
    thread.start()
    pid = wait_until(lambda: next((pid for pid, query in server.run("SELECT pid, query FROM pg_stat_activity WHERE application_name = 'cleat'") if "pg_sleep" in query), None), "the statement runs")
    os.kill(pid, signal.SIGKILL)
    thread.join()
    assert replies[0].status == 500 and ("may have been carried out" in replies[0].text or "57P0" in replies[0].text), replies[0].text
    wait_until(lambda: ask(host, "query", "SELECT 1").text == "[[1]]", "it works again")


def test_a_host_without_a_server_starts_and_says_so(start_host, server):
    host = start_host(outcome(server, connectionString="host=127.0.0.1 port=1 user=app dbname=app"))
    wait_until(lambda: "PostgreSQL cannot be reached" in ask(host, "exec", "SELECT 1").text, "it says that there is no server")
    host.wait_for_state("db", lambda state: "refused" in str(state), "the state says why")


@pytest.mark.parametrize("field, value, said", [
    ("timeout", "10ms", "invalid value for 'timeout': must be greater than 1s"), ("queryExecMode", "no", "queryExecMode"),
    ("useAzureAD", "true", "useAzureAD: is not served yet"), ("useAWSIAM", "true", "useAWSIAM: is not served yet"), ("maxConns", "many", "maxConns")])
def test_fields_that_are_wrong(start_host, server, field, value, said):
    start_host(outcome(server, **{field: value})).wait_for_message(said)
