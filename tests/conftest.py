"""What every test of the running host uses. CLEAT_BUILD names the build whose host and plugins are tested."""

import contextlib
import os
import random
import shutil

import pytest

from conformance.case import Case
from support.app import Application
from support.broker import Kafka
from support.host import BUILD, Host


def pytest_report_header():
    return f"host: {BUILD / 'cleat'}"


@pytest.hookimpl(tryfirst=True)  # xdist looks for the groups in the same hook, and was registered later
def pytest_collection_modifyitems(items):
    """Tests run in several processes (-n). What shares a server stays in one of them: a file, and in conformance a plugin."""
    for item in items:
        case = next((value for value in item.callspec.params.values() if isinstance(value, Case)), None) if hasattr(item, "callspec") else None
        item.add_marker(pytest.mark.xdist_group(case.plugin if case else item.path.name))


@pytest.fixture(scope="session", autouse=True)
def the_host_is_built():
    assert (BUILD / "cleat").exists(), f"{BUILD / 'cleat'} is not built: run scripts/test, or name a build in CLEAT_BUILD"


@pytest.fixture
def start_host(tmp_path):
    """Starts hosts; at the end each that still runs is stopped and must stop well."""
    hosts = []

    def start(*components, **arguments):
        host = Host(tmp_path / f"host{len(hosts)}", *components, **arguments)
        hosts.append(host)
        return host

    yield start
    with contextlib.ExitStack() as ends:  # each, whatever the end of another one says
        for host in hosts:
            ends.callback(_end, host)


def _end(host):
    try:
        host.finish()
    finally:
        if host.process.poll() is None:
            host.kill()


@pytest.fixture
def app():
    application = Application()
    yield application
    application.close()


@pytest.fixture
def absent_app():
    """An application that is down until start() is called."""
    application = Application(listening=False)
    yield application
    application.close()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture
def seed():
    """What random choices are made from, so that they can be had again: it is in the output of a test that fails."""
    found = os.environ.get("CLEAT_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"CLEAT_SEED={found}")
    return found


@pytest.fixture
def chance(request, seed):
    return random.Random(f"{seed} {request.node.name}")


def fake_plugin_dir(folder, name):
    """A plugin directory with one plugin of the tests."""
    place = folder / f"{name}-plugins"
    place.mkdir()
    shutil.copy(BUILD / "tests" / "fakes" / f"bindings.{name}.so", place)
    return place


@pytest.fixture
def echo_dir(tmp_path):
    """bindings.echo answers a call with its own data and metadata."""
    return fake_plugin_dir(tmp_path, "echo")


@pytest.fixture
def silent_dir(tmp_path):
    """bindings.silent is an input that promises a sign of life each 300 ms and gives none after its one event."""
    return fake_plugin_dir(tmp_path, "silent")
