"""kill -9 while events flow out of the generator, which keeps its own record of what was settled."""

import pytest

from support.host import component
from support.ledger import LedgerApplication

EVENTS = 20_000
LANES = 8


@pytest.mark.timeout(150)
@pytest.mark.parametrize("failures", [0.0, 0.02])
def test_none_is_missing_and_order_is_kept(start_host, tmp_path, chance, failures):
    settled = tmp_path / "settled"
    text = component("numbers", "bindings.generator",
                     {"count": EVENTS, "lanes": LANES, "ledger": settled, "direction": "input"})
    app = LedgerApplication(tmp_path, chance.random(), failures)
    try:
        host = start_host(text, app=app.port)
        kills = sorted(chance.sample(range(EVENTS // 50, EVENTS * 9 // 10), 8))
        for at in kills:
            app.wait_for(at, 60, f"before a kill; the host said:\n{host.output[-3000:]}")
            if chance.random() < 0.5:
                app.kill()
                app.start()
            else:
                host.kill()
                host = start_host(text, app=app.port)
        app.wait_for(EVENTS, 90, f"at the end; the host said:\n{host.output[-3000:]}")
        app.check(EVENTS)
        host.wait_for_state("numbers", lambda state: state.get("unsettled") == 0, "everything settled")
    finally:
        app.close()
    acknowledged = [int(line.split()[0]) for line in settled.read_text().splitlines() if line.endswith(" ack")]
    assert set(acknowledged) == set(range(1, EVENTS + 1))


@pytest.mark.timeout(60)
def test_nothing_is_acknowledged_that_the_application_did_not_take(start_host, tmp_path, app):
    settled = tmp_path / "settled"
    app.always("/numbers", lambda request: 500 if request.header("n") == "3" else 200)
    text = component("numbers", "bindings.generator", {"count": 20, "lanes": 4, "ledger": settled, "direction": "input"})
    host = start_host(text, app=app)
    host.wait_for_state("numbers", lambda state: state.get("acked") == 15 and state.get("failedAttempts", 0) >= 2, "three lanes are done")
    host.kill()
    acknowledged = {int(line.split()[0]) for line in settled.read_text().splitlines() if line.endswith(" ack")}
    assert acknowledged == set(range(1, 21)) - {3, 7, 11, 15, 19}
    app.always("/numbers", 200)
    again = start_host(text, app=app)
    again.wait_for_state("numbers", lambda state: state.get("unsettled") == 0 and state.get("acked", 0) >= 5, "the rest is done")
    acknowledged = {int(line.split()[0]) for line in settled.read_text().splitlines() if line.endswith(" ack")}
    assert acknowledged == set(range(1, 21))
