import json
import pathlib
import uuid

import psycopg2

from conformance.case import Case, Operation, Source

DDL = (pathlib.Path(__file__).resolve().parents[3] / "plugins/postgresql/queue.sql").read_text()


def connect(server):
    connection = psycopg2.connect(host="127.0.0.1", port=server.port("postgres"), user="app", password="app-secret", dbname="app")
    connection.autocommit = True
    return connection


def run(server, sql, *parameters):
    connection = connect(server)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def tables(server, name):
    """A queue of this name, and a table of keys and values beside it."""
    found = f"{name}_{uuid.uuid4().hex[:8]}"
    run(server, DDL.replace("queue", found) + f"CREATE TABLE {found}_kv (key text PRIMARY KEY, value text)")
    return found


def publish(server, place, payloads):
    connection = connect(server)
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for payload in payloads:
                cursor.execute(f"INSERT INTO {place} (payload) VALUES (%s)", (payload,))
            cursor.execute("COMMIT")
    finally:
        connection.close()


def value(server, place, key, done):
    found = run(server, f"SELECT value FROM {place}_kv WHERE key = %s", key)
    return found[0][0] if found else None


def put(server, place, key, payload):
    run(server, f"INSERT INTO {place}_kv VALUES (%s, %s)", key, "v")


def login(server):
    return {"connectionString": f"host=127.0.0.1 port={server.port('postgres')} user=app dbname=app pool_max_conns=3", "password": "app-secret"}


CASE = Case(
    plugin="postgresql",
    server="postgres",
    place=tables,
    output=lambda server, place: login(server),
    operations=[
        # The data of a call means nothing here: all of it is in the metadata.
        Operation("exec", metadata=lambda server, place, key: {"sql": f"INSERT INTO {place}_kv VALUES ($1, $2)", "params": json.dumps([key, "ü"])},
                  found=value, expected=lambda payload: "ü", answers=("operation", "sql", "start-time", "end-time", "duration", "rows-affected")),
        Operation("query", metadata=lambda server, place, key: {"sql": f"SELECT key, value FROM {place}_kv WHERE key = $1", "params": json.dumps([key])},
                  arrange=put, found=lambda server, place, key, done: json.loads(done.data) == [[key, "v"]], expected=lambda payload: True,
                  answers=("operation", "sql", "start-time", "end-time", "duration")),
        Operation("close"),
    ],
    source=Source(
        fields=lambda server, place: {**login(server), "queueTable": place, "notifyChannel": place, "leaseTime": "5s", "pollInterval": "200ms"},
        publish=publish,
        dead_letters=lambda server, place: [bytes(row[0]) for row in run(server, f"SELECT payload FROM {place} WHERE state = 'dead'")],
    ),
    nobody=lambda port: {"port": port},
    secrets=("app-secret",),
    # Each connection has a process of its own, which goes on while the first one is stopped.
    can_hang=False,
)
