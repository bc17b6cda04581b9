"""One component's trouble is its own: the others keep their rate."""

import threading
import time

import pytest

from support.app import Answer
from support.host import component

EVENTS, RATE = 2_000, 500


def seconds_for(start_host, app, *others):
    """How long the events of one component take, from the first to the last, beside others."""
    before = len(app.requests("/quick"))
    quick = component("quick", "bindings.generator", {"count": EVENTS, "rate": RATE, "direction": "input"})
    host = start_host(quick, *others, app=app)
    app.wait_for(before + 1, "/quick")
    began = time.monotonic()
    app.wait_for(before + EVENTS, "/quick", deadline=60)
    took = time.monotonic() - began
    for other in ("hangs", "fails"):
        if host.state(other):
            assert host.state(other)["held"] + host.state(other)["inFlight"] > 0, f"{other} was to be in trouble meanwhile"
    host.kill()
    return took


@pytest.mark.timeout(120)
def test_a_component_that_hangs_and_one_that_fails_cost_the_others_nothing(start_host, app):
    gate = threading.Event()
    app.always("/hangs", Answer(gate=gate))
    app.always("/fails", 500)
    try:
        alone = seconds_for(start_host, app)
        beside = seconds_for(start_host, app,
                             component("hangs", "bindings.generator", {"direction": "input"}),
                             component("fails", "bindings.generator", {"direction": "input", "lanes": 8}))
    finally:
        gate.set()
    assert alone / beside > 0.95, f"alone {alone:.2f} s, beside the two {beside:.2f} s"
