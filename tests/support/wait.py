"""Waiting for a condition with a deadline: the only way a test here waits."""

import time

# The real host runs under sanitizers on busy machines: generous, and reached only by a test that fails.
DEADLINE = 30.0
_PAUSE = 0.01


def wait_until(condition, what, deadline=DEADLINE):
    """Asks `condition` until it gives something true, and gives that back. `what` is said when the deadline passes."""
    end = time.monotonic() + deadline
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {deadline:g} s: {said}")
        time.sleep(_PAUSE)


def holds_for(condition, seconds, what):
    """Fails as soon as `condition` is not true, and asks until `seconds` have passed: for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            raise AssertionError(what() if callable(what) else what)
        time.sleep(_PAUSE)
