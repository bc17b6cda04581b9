"""Rows with PostgreSQL."""
from bench import Call, Settings
from report import CostRow, Goal
from rows import Output, added, calls, floor, memory
from servers import Server, running

CONNECTIONS = 4
# Something that the server has in its memory: what is measured is the way there and back.
SQL = "SELECT 1 FROM pg_class WHERE oid = 1259"


def place(settings: Settings):
    return running(settings, "postgres")


def login(server: Server) -> str:
    return f"host=127.0.0.1 port={server.ports['postgres']} user=app password=app-secret dbname=app sslmode=disable"


def floor_statement(settings: Settings, server: Server):
    return floor(settings, "postgresql", server=login(server), lanes=CONNECTIONS, sql=SQL)


def fields(server: Server) -> dict[str, str]:
    return {"connectionString": login(server), "maxConns": str(CONNECTIONS)}


def output(settings: Settings, server: Server) -> Output:
    return Output("postgresql", fields(server), lambda: floor_statement(settings, server), Call("exec", {"sql": SQL}, size=0))


def execute(settings: Settings, server: Server, connections: int) -> CostRow:
    return calls(settings, output(settings, server), f"postgresql-exec-{connections}",
                 "POST to a statement of PostgreSQL that finds a row by its key", connections, Goal(times=1.5))


ROWS = {
    "postgresql-exec-1": lambda settings, server: execute(settings, server, 1),
    "postgresql-exec-32": lambda settings, server: execute(settings, server, 32),
    "added-postgresql": lambda settings, server: added(settings, output(settings, server), "added-postgresql", "a statement",
                                                       Goal(at_most=0.5)),
    "memory-postgresql": lambda settings, server: memory(settings, "postgresql", {**fields(server), "direction": "output"},
                                                         lambda: floor_statement(settings, server)),
}
