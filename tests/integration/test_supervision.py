"""How components start, are watched, paused and stopped, and what their own fields make of an event that is not taken."""

import signal
import threading
import time

import pytest

from support.app import Answer
from support.host import BUILD, component
from support.wait import holds_for, wait_until

COMPONENTS = "/cleat/v1/components"
NULL = component("sink", "bindings.null")
BROKEN = component("broken", "bindings.cron")  # its schedule is missing


def numbers(name="numbers", **fields):
    return component(name, "bindings.generator", {"direction": "input", "count": 1, **fields})


def silent(**fields):
    return component("silent", "bindings.silent", {"direction": "input", **fields})


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


# --- how a component starts ---


def test_init_policy_fail_ends_the_host(start_host):
    host = start_host(component("broken", "bindings.cron", {"initPolicy": "fail"}), NULL)
    assert host.wait_exit() == 1
    assert any("Failed to init component broken" in text for text in host.messages("error")), host.output


def test_init_policy_fail_ends_the_host_also_after_it_has_become_ready(start_host, silent_dir):
    fields = {"unreachable": 1, "slow": "true", "initPolicy": "fail"}
    host = start_host(component("silent", "bindings.silent", fields, initTimeout="20s"), plugin_dir=silent_dir).ready()
    assert not host.messages("error"), "it is ready without waiting longer"
    assert host.wait_exit() == 1
    assert any("Failed to init component silent" in text for text in host.messages("error")), host.output


@pytest.mark.parametrize("how", ["initPolicy", "ignoreErrors"])
def test_init_policy_ignore_goes_on_without_the_component(start_host, silent_dir, how):
    fields, extra = ({"initPolicy": "ignore"}, {}) if how == "initPolicy" else ({}, {"ignoreErrors": True})
    host = start_host(component("silent", "bindings.silent", {"unreachable": 1, **fields}, **extra), plugin_dir=silent_dir).ready()
    assert host.state("silent")["state"] == "failed"
    holds_for(lambda: host.state("silent")["state"] == "failed", 2.5, "it was tried again")


def test_init_policy_retry_starts_it_once_the_far_end_is_there(start_host, app, silent_dir):
    host = start_host(silent(unreachable=1), app=app, plugin_dir=silent_dir).ready()
    host.wait_for_message("Failed to init component silent", "the far end of this fake is away")
    app.wait_for(1, "/silent")


def test_what_a_person_has_to_mend_is_not_tried_again_and_holds_up_nobody(start_host):
    host = start_host(BROKEN, NULL).ready()
    state = host.state("broken")
    assert state["state"] == "failed" and "schedule" in state["reason"], state
    assert host.create("sink", 1).status == 204


@pytest.mark.parametrize("required", ["true", "false"])
def test_a_required_component_that_failed_is_in_the_way_of_readiness_only(start_host, required):
    host = start_host(component("broken", "bindings.cron", {"required": required}), NULL).ready()
    reply = host.request("GET", "/cleat/v1/ready")
    assert reply.status == (503 if required == "true" else 204), reply.text
    assert required == "false" or "broken" in reply.json()["message"]
    assert host.request("GET", "/v1.0/healthz").status == 204


# --- how it is watched ---


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
def test_a_plugin_without_a_sign_of_life_is_replaced(start_host, app, silent_dir, options):
    host = start_host(silent(), app=app, plugin_dir=silent_dir, options=options)
    app.wait_for(4, "/silent")
    host.wait_for_message("no sign of life")
    if not options:
        assert host.state("silent")["restarts"] >= 2


@pytest.mark.parametrize("policy", ["retry", "ignore", "fail"])
def test_a_replacement_that_cannot_start_is_tried_again_whatever_init_policy_says(start_host, app, silent_dir, policy):
    host = start_host(silent(unreachable=1, later="true", initPolicy=policy), app=app, plugin_dir=silent_dir)
    host.wait_for_message("Failed to init component silent")
    seen = len(app.requests("/silent"))
    app.wait_for(seen + 1, "/silent")


def test_a_handler_that_runs_is_waited_for_before_the_plugin_is_replaced(start_host, app, silent_dir):
    gate = threading.Event()
    app.always("/silent", Answer(gate=gate))
    host = start_host(silent(), app=app, plugin_dir=silent_dir)
    host.wait_for_message("no sign of life")
    holds_for(lambda: len(app.requests("/silent")) == 1, 1.5, "the event was attempted again while its handler ran")
    app.always("/silent", 200)
    gate.set()
    app.wait_for(2, "/silent")


def test_pause_and_resume_lose_and_reorder_nothing(start_host, app):
    host = start_host(numbers(count=3000, lanes=4, rate=1500), app=app)
    for taken in (300, 900, 1500):
        app.wait_for(taken, "/numbers")
        assert host.request("POST", f"{COMPONENTS}/numbers/pause").status == 204
        host.wait_for_state("numbers", lambda state: state["state"] == "paused" and state["unsettled"] == 0, "paused")
        assert host.request("POST", f"{COMPONENTS}/numbers/resume").status == 204
    host.wait_for_state("numbers", lambda state: state["acked"] == 3000, "all done", 60)
    taken = [int(event.header("n")) for event in app.requests("/numbers")]
    assert sorted(taken) == list(range(1, 3001))
    for lane in range(4):
        of_lane = [number for number in taken if number % 4 == lane]
        assert of_lane == sorted(of_lane)


def test_an_input_that_is_paused_while_the_application_is_asked_asks_again(start_host, app):
    app.always("/tick", 503, method="OPTIONS")
    host = start_host(component("tick", "bindings.cron", {"schedule": "@every 1s"}), app=app)
    app.wait_for(1, "/tick", "OPTIONS")
    host.wait_for_state("tick", lambda state: state.get("subscription") == "asking", "asking")
    assert host.request("POST", f"{COMPONENTS}/tick/pause").status == 204
    host.wait_for_state("tick", lambda state: state["state"] == "paused", "paused")
    seen = len(app.requests("/tick", "OPTIONS"))
    app.always("/tick", 200, method="OPTIONS")
    # One question may be on its way; the answer to another would let ticks come.
    holds_for(lambda: len(app.requests("/tick", "OPTIONS")) <= seen + 1 and not app.requests("/tick"), 4.0, "asked while paused")
    assert host.request("POST", f"{COMPONENTS}/tick/resume").status == 204
    app.wait_for(1, "/tick")


# --- what its fields make of an event ---


def test_max_attempts_is_exact_and_the_event_waits_for_a_person(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(maxAttempts=3), app=app)
    host.wait_for_state("numbers", lambda state: state.get("blocked") == 1, "blocked")
    holds_for(lambda: len(app.requests("/numbers")) == 3, 1.5, "attempted more often than maxAttempts")
    assert [event.header("cleat-attempt") for event in app.requests("/numbers")][1:] == ["2", "3"]


def test_on_exhausted_drop_drops_and_says_so(start_host, app, tmp_path):
    app.always("/numbers", 500)
    ledger = tmp_path / "settled"
    host = start_host(numbers(maxAttempts=2, onExhausted="drop", ledger=ledger), app=app)
    host.wait_for_state("numbers", lambda state: state.get("dropped") == 1, "dropped")
    assert len(app.requests("/numbers")) == 2
    wait_until(lambda: lines_of(ledger) == ["1 ack"], "the source is told")
    host.wait_for_message("an event was dropped")
    line = next(entry for entry in host.log() if entry.get("msg") == "an event was dropped")
    assert (line["event"], line["by"], line["attempts"]) == ("1", "onExhausted", "2")


def test_a_dead_letter_is_written_and_what_comes_after_goes_on(start_host, app, tmp_path):
    app.always("/numbers", lambda request: 422 if request.header("n") == "2" else 200)
    letters, down = tmp_path / "letters", tmp_path / "down"
    down.touch()
    sink = component("letters", "bindings.sink", {"file": letters, "down": down})
    host = start_host(numbers(count=3, lanes=1, deadLetter="letters"), sink, app=app)
    host.wait_for_state("numbers", lambda state: "cannot be written" in state.get("reason", ""), "the target is missed")
    assert [event.header("n") for event in app.requests("/numbers")] == ["1", "2"]
    down.unlink()
    host.wait_for_state("numbers", lambda state: state["deadLettered"] == 1 and state["acked"] == 2, "all done")
    assert len(lines_of(letters)) == 1
    for part in ('"n":2', "cleat-event-id", "cleat-src-n", "422"):
        assert part in lines_of(letters)[0]
    assert [event.header("n") for event in app.requests("/numbers")] == ["1", "2", "3"]


@pytest.mark.parametrize(("fields", "word"), [
    ({"deadLetter": "nobody"}, "nobody"),
    ({"deadLetter": "numbers"}, "another component"),
    ({"deadLetter": "broker"}, "broker"),
    ({"deadLetter": "sink", "deadLetterOperation": "sing"}, "sing"),
    ({"deadLetter": "ticks"}, "input only"),
    ({"deadLetter": "inward"}, "direction is input"),
])
def test_a_dead_letter_target_that_cannot_be_is_a_start_error(start_host, app, fields, word):
    ticks = component("ticks", "bindings.cron", {"schedule": "@yearly"})
    inward = component("inward", "bindings.kafka", {"brokers": "127.0.0.1:9", "authType": "none", "direction": "input", "topics": "t",
                                                    "publishTopic": "t", "consumerGroup": "g"})
    host = start_host(numbers(**fields), NULL, ticks, inward, app=app)
    said = host.wait_for_message("Failed to init component numbers", level="error")
    assert word in said and "deadLetter" in said, said
    assert not app.requests("/numbers")


@pytest.mark.parametrize(("place", "words"), [
    ({"publishTopic": "orders"}, "does not write to its own source"),
    ({}, "missing a place to write to"),
])
def test_a_dead_letter_that_would_come_back_or_has_no_place_is_a_start_error(start_host, app, place, words):
    nobody = {"brokers": "127.0.0.1:9", "authType": "none"}
    orders = component("orders", "bindings.kafka", {**nobody, "topics": "orders", "consumerGroup": "g", "direction": "input",
                                                    "deadLetter": "letters"})
    host = start_host(orders, component("letters", "bindings.kafka", {**nobody, "direction": "output", **place}), app=app)
    host.wait_for_message("Failed to init component orders", words)


def test_a_resiliency_file_beats_the_components_own_fields_and_says_so(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(maxAttempts=5), app=app, files={"policies.yaml": """
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: { name: policies }
spec:
  policies: { retries: { once: { policy: constant, duration: 10ms, maxRetries: 1 } } }
  targets: { components: { numbers: { inbound: { retry: once } } } }
"""})
    host.wait_for_message("its own fields for retries have no effect")
    host.wait_for_state("numbers", lambda state: state.get("blocked") == 1, "blocked")
    assert len(app.requests("/numbers")) == 2


def test_an_answer_reaches_an_output_only_where_that_is_on(start_host, app, tmp_path):
    called = tmp_path / "called"
    for path in ("/plain", "/numbers"):
        app.always(path, Answer(body=b'{"to": ["called"], "data": {"from": "%s"}}' % path.encode()))
    sink = component("called", "bindings.sink", {"file": called})
    host = start_host(numbers("plain"), numbers(replyOutputs="after-ack", replyOutputsAllowed="called"), sink, app=app)
    for name in ("plain", "numbers"):
        host.wait_for_state(name, lambda state: state.get("acked") == 1, "acknowledged")
    wait_until(lambda: len(lines_of(called)) == 1, "the output is called")
    assert "/numbers" in lines_of(called)[0]


def test_handler_timeout_ends_an_attempt_and_not_the_event(start_host, app):
    never = threading.Event()
    app.answer("/numbers", Answer(gate=never))
    host = start_host(numbers(handlerTimeout="3s"), app=app)
    first, second = app.wait_for(2, "/numbers")[:2]
    # The time begins when the event is sent, and the application may have been slow to look at it.
    assert second.at - first.at >= 1
    host.wait_for_state("numbers", lambda state: state.get("acked") == 1, "acked")
    never.set()


def test_retry_after_pauses_the_whole_component(start_host, app):
    app.answer("/numbers", Answer(429, headers={"retry-after": "2"}))
    host = start_host(numbers(count=20, maxInFlight=1), app=app)
    host.wait_for_state("numbers", lambda state: state.get("acked") == 20, "all done")
    times = [event.at for event in app.requests("/numbers")]
    assert times[1] - times[0] >= 1.9, times[:3]


# --- how the host ends ---


def late_after_sigterm(start_host, app):
    """How long after the signal events still came, as far as that is more than 100 ms."""
    host = start_host(numbers(count=0, rate=300), app=app, options=["--dapr-graceful-shutdown-seconds", "60"])
    app.wait_for(200, "/numbers")
    gate = threading.Event()
    app.answer("/numbers", Answer(gate=gate))  # keeps the host from ending
    seen = len(app.requests("/numbers"))
    app.wait_for(seen + 5, "/numbers")
    began = time.monotonic()
    host.signal(signal.SIGTERM)
    holds_for(lambda: host.process.poll() is None, 1.0, "it ended although a handler ran")
    late = [event.at - began for event in app.requests("/numbers") if event.at > began + 0.1]
    gate.set()
    assert host.wait_exit() == 0
    app.forget()
    return late


def test_intake_stops_within_100_ms(start_host, app):
    # What else the machine does can only make events later: once in a few times it lets the host be quick.
    tries = 5
    found = []
    while len(found) < tries and (late := late_after_sigterm(start_host, app)):
        found.append(late)
    assert len(found) < tries, found


def test_outputs_are_callable_until_the_last_running_event_is_done(start_host, app):
    statuses = []

    def use_an_output(_):
        began.set()
        go_on.wait(20)
        statuses.append(host.create("sink", 1).status)
        return 200

    began, go_on = threading.Event(), threading.Event()
    app.always("/numbers", use_an_output)
    host = start_host(numbers(), NULL, app=app, options=["--dapr-graceful-shutdown-seconds", "20"]).outbound_ready()
    assert began.wait(20)
    host.signal(signal.SIGTERM)
    host.wait_for_message("stopping")
    holds_for(lambda: host.process.poll() is None, 0.5, "it ended although a handler ran")
    go_on.set()
    assert host.wait_exit() == 0
    assert statuses == [204]


def test_block_shutdown_keeps_the_api_and_reads_nothing_more(start_host, app):
    host = start_host(numbers(count=0, rate=100), NULL, app=app, options=["--dapr-block-shutdown-duration", "8s"]).ready()
    app.wait_for(10, "/numbers")
    began = time.monotonic()
    host.signal(signal.SIGTERM)
    host.wait_for_message("the API stays open")
    holds_for(lambda: host.create("sink", 1).status == 204, 1.0, "an output was refused")
    seen = len(app.requests("/numbers"))  # what was on its way has come
    holds_for(lambda: len(app.requests("/numbers")) == seen, 1.0, "it reads on")
    assert host.wait_exit() == 0
    assert time.monotonic() - began >= 8.0


def test_a_second_signal_ends_a_blocked_shutdown_at_once(start_host):
    host = start_host(NULL, options=["--dapr-block-shutdown-duration", "120s"]).ready()
    host.signal(signal.SIGTERM)
    host.wait_for_message("the API stays open")
    host.signal(signal.SIGTERM)
    assert host.wait_exit(30) == 1


def test_shutdown_over_the_api_is_not_blocked(start_host):
    host = start_host(NULL, options=["--dapr-block-shutdown-duration", "120s"]).ready()
    assert host.request("POST", "/v1.0/shutdown").status == 204
    assert host.wait_exit(20) == 0


def test_a_system_that_has_no_more_threads_ends_nothing(start_host, app, tmp_path):
    none = tmp_path / "none"
    host = start_host(numbers(count=0, rate=50), app=app, env={
        "LD_PRELOAD": str(BUILD / "tests" / "support" / "no_threads" / "no_threads.so"), "CLEAT_NO_THREADS": str(none)})

    def said(times):
        wait_until(lambda: sum("no thread" in text for text in host.messages()) == times,
                   lambda: f"'no thread' {times} times; the host said:\n{host.output}")

    app.wait_for(1, "/numbers")
    none.touch()
    assert host.request("POST", f"{COMPONENTS}/numbers/pause").status == 204
    said(1)
    none.unlink()
    assert host.request("POST", f"{COMPONENTS}/numbers/resume").status == 204
    before = len(app.requests("/numbers"))
    app.wait_for(before + 10, "/numbers")
    none.touch()
    host.signal(signal.SIGTERM)
    said(2)
    none.unlink()
    assert host.wait_exit() == 0


def test_a_stop_while_a_plugin_is_replaced_ends_well(start_host, app, silent_dir):
    gate = threading.Event()
    app.always("/silent", Answer(gate=gate))
    host = start_host(silent(), app=app, plugin_dir=silent_dir, options=["--dapr-graceful-shutdown-seconds", "20"])
    host.wait_for_message("no sign of life")
    host.signal(signal.SIGTERM)
    host.wait_for_message("stopping")
    gate.set()
    assert host.wait_exit() == 0
