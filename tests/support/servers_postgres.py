"""PostgreSQL through scripts/brokers, and what a test asks of it by another client than ours."""

import contextlib
import pathlib
import uuid

import psycopg2

from .servers import Server
from .wait import wait_until

DDL = (pathlib.Path(__file__).resolve().parents[2] / "plugins/postgresql/queue.sql").read_text()
PASSWORD = "app-secret"


class Postgres(Server):
    """One server in `folder`. After kill() or stop() it is started again on the same port with its tables."""

    def __init__(self, folder, start=True):
        super().__init__("postgres", folder, start)

    def fields(self, port=None, **more):
        """What a component needs to be let in."""
        return {"connectionString": f"host=127.0.0.1 port={port or self.port('postgres')} user=app dbname=app", "password": PASSWORD, **more}

    def connect(self, **more):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port("postgres"), user="app", password=PASSWORD, dbname="app", **more)
        connection.autocommit = True
        return connection

    def run(self, sql, *parameters):
        """The rows of a statement, None if it has none."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else None

    def queue(self):
        """An empty queue of a name that no other test uses, with its trigger and the channel of that name."""
        name = f"q{uuid.uuid4().hex[:10]}"
        self.run(DDL.replace("queue", name))
        return name

    def send(self, table, *payloads, **columns):
        """Rows with these payloads, and the same values in other columns. Returns their ids."""
        names = "".join(f", {name}" for name in columns)
        values = ", %s" * len(columns)
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            ids = []
            cursor.execute("BEGIN")
            for payload in payloads:
                cursor.execute(f"INSERT INTO {table} (payload{names}) VALUES (%s{values}) RETURNING id", (payload, *columns.values()))
                ids.append(cursor.fetchone()[0])
            cursor.execute("COMMIT")
            return ids

    def rows(self, table, columns="state, attempts", where="true"):
        return self.run(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id")

    def wait_empty(self, table):
        wait_until(lambda: not self.rows(table), lambda: f"an empty table, there is {self.rows(table, 'id, state, attempts, locked_until, now()')}")

    def backends(self, what="query"):
        """What the other connections of the user do."""
        return [row[0] for row in self.run(f"SELECT {what} FROM pg_stat_activity WHERE application_name = 'cleat'")]
