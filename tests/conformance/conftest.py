"""The cases, the servers they need, and the processes that tests start. A test is run once for each case that it concerns."""

import importlib
import itertools
import pathlib
import socket

import pytest

from support.host import BUILD
from support.servers import Server

from .plugin import Plugin

CASES = [importlib.import_module(f"conformance.cases.{path.stem}").CASE
         for path in sorted((pathlib.Path(__file__).parent / "cases").glob("*.py")) if path.stem != "__init__"]


def publishes(case):
    return case.source is not None and case.source.publish is not None


# What a test may ask for, and the cases that have it.
CONCERNS = {
    "case": lambda case: True,
    "output": lambda case: bool(case.operations),
    "source": lambda case: publishes(case),
    "far_output": lambda case: bool(case.operations) and case.nobody is not None,
    "far_source": lambda case: publishes(case) and case.nobody is not None,
    "served_output": lambda case: bool(case.operations) and case.server is not None,
    "served_source": lambda case: publishes(case) and case.server is not None,
    "durable_source": lambda case: publishes(case) and case.server is not None and case.source.survives_server,
    "returning_source": lambda case: publishes(case) and case.source.gives_back,
    "rejecting_source": lambda case: publishes(case) and case.source.dead_letters is not None,
    "hanging_output": lambda case: bool(case.operations) and case.server is not None and case.can_hang,
    "bounded": lambda case: case.limit is not None,
}


def pytest_generate_tests(metafunc):
    for name, concerns in CONCERNS.items():
        if name in metafunc.fixturenames:
            concerned = [case for case in CASES if concerns(case)]
            metafunc.parametrize(name, concerned, ids=[case.plugin for case in concerned], scope="session")


def every_plugin():
    return sorted(path.name.removeprefix("bindings.").removesuffix(".so") for path in (BUILD / "plugins").glob("bindings.*.so"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """The server of a case: one of each name for the whole run, running again if a test has ended it."""
    running = {}

    def of(case):
        if case.server is None:
            return None
        if case.server not in running:
            running[case.server] = Server(case.server, tmp_path_factory.mktemp(case.server))
        else:
            running[case.server].start()
        return running[case.server]

    yield of
    for server in running.values():
        server.stop()


_numbers = itertools.count(1)


class Bench:
    """What a test works with: its case, the server, a place of its own, and plugins that are closed at its end."""

    def __init__(self, case, server, folder):
        self.case = case
        self.server = server
        self.folder = folder
        self.place = case.place(server, f"place{next(_numbers)}")
        self._plugins = []

    def plugin(self):
        folder = self.folder / f"plugin{len(self._plugins)}"
        folder.mkdir()
        plugin = Plugin(self.case, folder)
        self._plugins.append(plugin)
        return plugin

    def output(self, **more):
        return {**self.case.output(self.server, self.place), **more}

    def input(self, **more):
        return {**self.case.source.fields(self.server, self.place), **more}

    def publish(self, *payloads):
        self.case.source.publish(self.server, self.place, payloads)

    def close(self):
        for plugin in self._plugins:
            plugin.close()


@pytest.fixture
def bench(request, tmp_path, servers):
    case = next(request.getfixturevalue(name) for name in CONCERNS if name in request.fixturenames)
    made = Bench(case, servers(case), tmp_path)
    yield made
    made.close()


@pytest.fixture
def closed_port():
    """A loopback port that nobody listens on and nobody gets meanwhile."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    yield holder.getsockname()[1]
    holder.close()
