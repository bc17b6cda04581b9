"""kill -9 of a host with failing events: what its source was told. Kills while events flow are in test_plan.py."""

import pytest

from support.host import component
from support.wait import wait_until


@pytest.mark.timeout(60)
def test_nothing_is_acknowledged_that_the_application_did_not_take(start_host, tmp_path, app):
    settled = tmp_path / "settled"
    app.always("/numbers", lambda request: 500 if request.header("n") == "3" else 200)
    text = component("numbers", "bindings.generator", {"count": 20, "lanes": 4, "ledger": settled, "direction": "input"})
    host = start_host(text, app=app)

    def acknowledged():
        return {int(line.split()[0]) for line in settled.read_text().splitlines() if line.endswith(" ack")}
    host.wait_for_state("numbers", lambda state: state.get("acked") == 15 and state.get("failedAttempts", 0) >= 2, "three lanes are done")
    wait_until(lambda: len(acknowledged()) >= 15, lambda: f"the source is told: {acknowledged()}")
    host.kill()
    assert acknowledged() == set(range(1, 21)) - {3, 7, 11, 15, 19}
    app.always("/numbers", 200)
    again = start_host(text, app=app)
    again.wait_for_state("numbers", lambda state: state.get("unsettled") == 0 and state.get("acked", 0) >= 5, "the rest is done")
    wait_until(lambda: acknowledged() == set(range(1, 21)), lambda: f"the source is told: {acknowledged()}")
