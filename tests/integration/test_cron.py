"""Ticks in the real host: what becomes of those that the application does not answer in time. Schedules are judged in tests/unit/cron."""

import json
import threading
import time

import pytest

from support.app import Answer
from support.host import component
from support.wait import holds_for, wait_until


def cron(**fields):
    return component("tick", "bindings.cron", {"schedule": "@every 1s", **fields})


@pytest.fixture
def slow(app):
    """Its first handler works until the gate is opened; the others answer at once."""
    gate = threading.Event()
    app.answer("/tick", Answer(gate=gate))
    yield gate
    gate.set()


def posts(app):
    return len(app.requests("/tick"))


def test_ticks_do_not_overlap(start_host, app, slow):
    host = start_host(cron(), app=app)
    app.wait_for(1, "/tick")
    holds_for(lambda: posts(app) == 1, 2.5, "one tick while the application works")
    slow.set()
    app.wait_for(3, "/tick")
    assert app.most_running == 1
    host.wait_for_message("answers ticks again")
    said = host.messages()
    until = next(place for place, text in enumerate(said) if "answers ticks again" in text)
    assert sum("still worked on an earlier one" in text for text in said[:until]) == 1


@pytest.mark.parametrize("fields, options", [({"overlap": "allow"}, []), ({}, ["--strict-dapr"])])
def test_ticks_overlap_where_that_is_asked_for(start_host, app, slow, fields, options):
    start_host(cron(**fields), app=app, options=options)
    app.wait_for(4, "/tick")
    assert app.most_running >= 2
    slow.set()


def test_a_failed_tick_is_tried_again_and_then_gives_way(start_host, app):
    app.always("/tick", 500)
    host = start_host(component("tick", "bindings.cron", {"schedule": "@every 2s"}), app=app)
    ids = lambda: [request.header("cleat-event-id") for request in app.requests("/tick")]

    def one_was_tried_again_and_gave_way():
        found = ids()
        return any(found.count(each) > 1 for each in found if each != found[-1])
    wait_until(one_was_tried_again_and_gave_way, lambda: f"a tick that is tried again, and a later one: {ids()}")
    app.always("/tick", 200)
    host.wait_for_message("answers ticks again")
    assert sorted(ids()) == ids(), "none comes again after a later one"


def once_in(seconds):
    """A schedule that is due once, so many seconds from now, and the time of that."""
    due = int(time.time()) + seconds
    at = time.gmtime(due)
    return f"TZ=UTC {at.tm_sec} {at.tm_min} {at.tm_hour} {at.tm_mday} {at.tm_mon} *", due


def wait_until_past(due):
    wait_until(lambda: time.time() > due + 0.2, "the tick is due")


# The seconds that are left for all that comes before the tick: the first that are enough on this machine, as it is now.
SECONDS = (4, 10, 40)


def gets_its_tick(app, missed):
    if missed == "fire-once":
        app.wait_for(1, "/tick")
    holds_for(lambda: posts(app) == (missed == "fire-once"), 1, lambda: f"{posts(app)} ticks")


@pytest.mark.parametrize("missed", ["fire-once", "ignore"])
def test_a_tick_that_was_due_while_the_component_was_paused(start_host, app, missed):
    for seconds in SECONDS:
        schedule, due = once_in(seconds)
        host = start_host(component("tick", "bindings.cron", {"schedule": schedule, "missed": missed}), app=app).ready()
        host.wait_for_state("tick", lambda state: "next tick at" in json.dumps(state), "reading")
        assert host.request("POST", "/cleat/v1/components/tick/pause").status < 300
        host.wait_for_state("tick", lambda state: state["state"] == "paused", "paused")
        if time.time() < due:
            break
        host.stop()
        app.forget()
    wait_until_past(due)
    assert posts(app) == 0
    assert host.request("POST", "/cleat/v1/components/tick/resume").status < 300
    gets_its_tick(app, missed)


@pytest.mark.parametrize("missed", ["fire-once", "ignore"])
def test_a_tick_that_was_due_before_the_application_came(start_host, absent_app, missed):
    for seconds in SECONDS:
        schedule, due = once_in(seconds)
        host = start_host(component("tick", "bindings.cron", {"schedule": schedule, "missed": missed}), app=absent_app)
        host.wait_for_state("tick", lambda state: state.get("state") == "running", "running")
        if time.time() < due:
            break
        host.stop()
    wait_until_past(due)
    absent_app.start()
    absent_app.wait_for(1, "/tick", method="OPTIONS")
    gets_its_tick(absent_app, missed)
