"""Fixtures that many files have, each with a server or a plugin of its own. A file names what it gets: server = serving(Redis)."""

import pytest

from conformance.plugin import ABANDON, Plugin


def serving(start):
    """What start() makes of a folder, for all tests of a file."""

    @pytest.fixture(scope="module")
    def server(tmp_path_factory):
        found = start(tmp_path_factory.mktemp("server"))
        yield found
        found.stop()

    return server


def alone(case, reads=False):
    """The plugin of a case without the host, in the hands of the test. At the end one that reads gives up what is still out."""

    @pytest.fixture
    def plugin(tmp_path):
        made = Plugin(case, tmp_path)
        yield made
        if reads:
            made.end()
            made.settle(ABANDON, *(event.id for event in made.events()))
        made.stop()
        made.free()
        made.close()

    return plugin
