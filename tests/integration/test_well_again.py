"""A far end that was away is back: a component that is required is well again without a call, since none may come as long as it is not.
Those of the cloud look themselves; where a look would leave a trace, what a call told is believed for a time."""

import pytest

from support.app import Application
from support.cloud import Cloud, call, part, wait_until_well
from support.host import Host, component
from support.servers_google import new_private_key
from support.wait import holds_for, wait_until

CLOUD = ("sqs", "s3", "sns", "gcs", "queue", "blob")
UNSEEN = ("web", "mail")


@pytest.fixture(scope="module")
def cloud():
    made = Cloud(new_private_key())
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(cloud, tmp_path_factory):
    texts = [part(cloud, name, direction="output", required="true") for name in CLOUD]
    made = Host(tmp_path_factory.mktemp("host"), *texts, env=cloud.environment)
    made.outbound_ready()
    yield made
    made.finish()


@pytest.fixture(scope="module")
def web():
    made = Application(listening=False)
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def unseen(web, tmp_path_factory):
    """A host whose components have found nobody. It is made before all else: what they were told fades meanwhile."""
    nobody = Application(listening=False)
    made = Host(tmp_path_factory.mktemp("unseen"), component("web", "bindings.http", {"url": f"http://127.0.0.1:{web.port}", "required": "true"}),
                component("mail", "bindings.smtp", {"host": "127.0.0.1", "port": str(nobody.port), "emailFrom": "a@example.com", "emailTo": "b@example.com",
                                                    "subject": "x", "required": "true"}))
    made.outbound_ready()
    assert is_ready(made)
    for name in UNSEEN:
        assert made.create(name, "x").headers["cleat-status"] == "UNAVAILABLE"
    wait_until(lambda: states(made) == dict.fromkeys(UNSEEN, "degraded"), lambda: states(made))
    assert not is_ready(made)
    yield made
    made.finish()
    nobody.close()


def states(host):
    return {each["name"]: each["state"] for each in host.request("GET", "/cleat/v1/components").json()["components"]}


def is_ready(host):
    return host.request("GET", "/cleat/v1/ready").status == 204


def wait_until_ready(host, names, deadline=30.0):
    """Without a call."""
    wait_until(lambda: states(host) == dict.fromkeys(names, "running"), lambda: f"all is well: {[host.state(name) for name in names]}", deadline)
    assert is_ready(host)


@pytest.mark.parametrize("day", ["unavailable", "throttled", "wrong credentials", "missing", "nobody there"])
def test_a_service_that_comes_back_is_seen_without_a_call(host, cloud, day):
    for name in CLOUD:
        wait_until_well(host, name)
    assert is_ready(host)
    services = [cloud.services[name] for name in CLOUD]
    # That an object is not there says nothing of this bucket.
    unwell = [name for name in CLOUD if (name, day) != ("gcs", "missing")]
    try:
        for service in services:
            if day == "nobody there":
                service.stop()
            else:
                service.day = day
        for name in unwell:
            assert call(host, name)[1].status == 500
        wait_until(lambda: {name for name, state in states(host).items() if state == "degraded"} == set(unwell), lambda: states(host))
        assert not is_ready(host)
    finally:
        stored = [len(service.stored) for service in services]
        cloud.well()
        if day == "nobody there":
            for service in services:
                service.start()
    wait_until_ready(host, CLOUD)
    assert [len(service.stored) for service in services] == stored, "it was a call that found it"


def test_nothing_is_asked_while_all_is_well(host, cloud):
    for name in CLOUD:
        wait_until_well(host, name)
    before = {name: cloud.services[name].count for name in CLOUD}
    for name in CLOUD:
        call(host, name)
    holds_for(lambda: all(cloud.services[name].count == before[name] + 1 for name in CLOUD), 1.5, "something else was asked than the calls did")


def test_where_a_look_would_leave_a_trace_what_a_call_told_fades(unseen, web):
    web.start()
    wait_until_ready(unseen, UNSEEN, 60.0)
    assert not web.requests(), "it was asked"
