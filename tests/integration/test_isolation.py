"""One component's trouble is its own: the others keep their rate."""

import threading

from support.app import Answer
from support.host import component

EVENTS, RATE = 1_200, 300
# What else the machine does can only add to a time: the best of some tells what the components cost each other.
MOST_TRIES = 6


def seconds_for(start_host, app, *others):
    """How long the events of one component take, from the first to the last, beside others."""
    before = len(app.requests("/quick"))
    quick = component("quick", "bindings.generator", {"count": EVENTS, "rate": RATE, "direction": "input"})
    host = start_host(quick, *others, app=app)
    events = app.wait_for(before + EVENTS, "/quick", deadline=60)[before:]
    took = events[EVENTS - 1].at - events[0].at
    for other in ("hangs", "fails"):
        if state := host.state(other):
            assert state["held"] + state["inFlight"] > 0, f"{other} was to be in trouble meanwhile"
    host.kill()
    return took


def test_a_component_that_hangs_and_one_that_fails_cost_the_others_nothing(start_host, app):
    gate = threading.Event()
    app.always("/hangs", Answer(gate=gate))
    app.always("/fails", 500)
    alone, beside = [], []
    try:
        while len(beside) < MOST_TRIES and (not beside or min(alone) / min(beside) <= 0.95):
            alone.append(seconds_for(start_host, app))
            beside.append(seconds_for(start_host, app,
                                      component("hangs", "bindings.generator", {"direction": "input"}),
                                      component("fails", "bindings.generator", {"direction": "input", "lanes": 8})))
    finally:
        gate.set()
    assert min(alone) / min(beside) > 0.95, f"alone {alone} s, beside the two {beside} s"
