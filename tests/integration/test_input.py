"""From the application's side: is it asked, what does it get, what becomes of its answers. The sources are cron and the generator."""

import contextlib
import pathlib
import signal
import threading

import pytest

from support.app import Answer
from support.host import component
from support.wait import holds_for

NULL = component("sink", "bindings.null")
# A question is asked again when this time is over: where questions are counted it must not be, however busy the machine is.
ASKED_ONCE = ["--app-binding-options-timeout", "60s"]


def tick(name="tick", schedule="@every 1s", **fields):
    return component(name, "bindings.cron", {"schedule": schedule, **fields})


def numbers(name="numbers", **fields):
    return component(name, "bindings.generator", {"direction": "input", **fields})


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
@pytest.mark.parametrize("status", [200, 204, 405])
def test_an_application_that_says_yes_gets_events(start_host, app, status, options):
    app.always("/tick", status, method="OPTIONS")
    host = start_host(tick(), app=app, options=[*options, *ASKED_ONCE])
    event = app.wait_for(1, "/tick")[0]
    assert event.header("content-type") == "application/json"
    probe = app.requests("/tick", "OPTIONS")
    assert len(probe) == 1 and probe[0].body == b""
    assert probe[0].header("content-type") == "application/json"
    host.ready()


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
@pytest.mark.parametrize("status", [404, 403, 302])
def test_an_application_that_says_no_gets_none(start_host, app, status, options):
    app.always("/tick", Answer(status, headers={"location": "/other"}), method="OPTIONS")
    host = start_host(tick(), app=app, options=[*options, *ASKED_ONCE]).ready()
    host.wait_for_message("app has not subscribed to binding tick.")
    if not options:
        host.wait_for_state("tick", lambda state: state.get("subscription") == "no", "it knows that nobody wants it")
    holds_for(lambda: not app.requests(), 1.5, "an event was sent although the application said no")
    assert len(app.requests("/tick", "OPTIONS")) == 1 and not app.requests("/other", "OPTIONS")


def test_a_500_to_the_question_is_no_answer_and_is_asked_again(start_host, app):
    app.answer("/tick", 500, 503, Answer(cut="before"), 200, method="OPTIONS")
    start_host(tick(), app=app, options=ASKED_ONCE)
    app.wait_for(1, "/tick")
    assert len(app.requests("/tick", "OPTIONS")) == 4


def test_a_500_to_the_question_is_a_no_with_strict_dapr(start_host, app):
    app.answer("/tick", 500, method="OPTIONS")
    host = start_host(tick(), app=app, options=["--strict-dapr", *ASKED_ONCE])
    host.wait_for_message("app has not subscribed to binding tick.")
    holds_for(lambda: not app.requests(), 1.5, "an event was sent")


def test_a_question_without_an_answer_holds_up_no_other_binding(start_host, app):
    never = threading.Event()
    app.always("/slow", Answer(gate=never), method="OPTIONS")
    host = start_host(tick("slow"), tick("quick"), app=app, options=["--app-binding-options-timeout", "1s"])
    app.wait_for(1, "/quick")
    host.wait_for_state("slow", lambda state: state.get("subscription") == "asking", "still being asked")
    app.wait_for(2, "/slow", "OPTIONS")
    assert not app.requests("/slow")
    app.always("/slow", 200, method="OPTIONS")
    app.wait_for(1, "/slow")
    never.set()


def test_direction_input_is_not_asked(start_host, app):
    app.always("/tick", 404, method="OPTIONS")
    start_host(tick(direction="Input , output"), app=app)
    app.wait_for(1, "/tick")
    assert not app.requests(method="OPTIONS")


@pytest.mark.parametrize(("route", "path"), [("/a/b/", "/a/b"), ("a/b", "/a/b"), ("//a/../b", "/b"), ("/a?x=1", "/a?x=1")])
def test_route_is_the_path(start_host, app, route, path):
    start_host(tick(route=route), app=app)
    app.wait_for(1, path)
    app.wait_for(1, path, "OPTIONS")
    assert not app.requests("/tick")


def test_an_application_that_starts_late(start_host, absent_app):
    host = start_host(tick(), NULL, app=absent_app).outbound_ready()
    assert host.create("sink", 1).status == 204
    not_ready = host.request("GET", "/v1.0/healthz")
    assert (not_ready.status, not_ready.json()["errorCode"]) == (500, "ERR_HEALTH_NOT_READY")
    assert host.metadata()["cleat"]["waitingFor"]
    host.wait_for_message("waiting", str(absent_app.port))
    absent_app.start()
    absent_app.wait_for(1, "/tick")
    host.ready()


def test_without_an_application_inputs_wait_and_outputs_work(start_host):
    host = start_host(tick(), NULL).ready()
    assert host.create("sink", 1).status == 204
    assert host.state("tick").get("subscription") in (None, "", "no")


def test_the_token_of_the_application_is_on_every_call(start_host, app):
    host = start_host(tick(), app=app, env={"APP_API_TOKEN": "s3cret"})
    assert app.wait_for(1, "/tick")[0].header("dapr-api-token") == "s3cret"
    assert app.requests("/tick", "OPTIONS")[0].header("dapr-api-token") == "s3cret"
    assert "s3cret" not in host.output


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
@pytest.mark.parametrize("answer", [500, 503, 404, 400, 302, 429, 408, Answer(cut="before"), Answer(cut="inside")])
def test_what_is_not_2xx_is_attempted_again(start_host, app, answer, options):
    app.answer("/numbers", answer, answer, 200)
    start_host(numbers(count=1), app=app, options=options)
    events = app.wait_for(3, "/numbers")
    assert {event.body for event in events} == {b'{"n":1,"lane":0,"pad":""}'}


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_acks(start_host, app, status, options):
    app.always("/numbers", status)
    host = start_host(numbers(count=10), app=app, options=options)
    app.wait_for(10, "/numbers")
    holds_for(lambda: len(app.requests("/numbers")) == 10, 0.5, "an event came again")
    if not options:
        state = host.wait_for_state("numbers", lambda state: state.get("acked") == 10, "acked")
        assert (state["failedAttempts"], state["unsettled"]) == (0, 0)


def test_back_off_grows_between_attempts(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(count=1), app=app)
    times = [event.at for event in app.wait_for(6, "/numbers")]
    pauses = [later - earlier for earlier, later in zip(times, times[1:])]
    # With full jitter attempt n waits between a tenth of and all of 0.2 s * 2^n; a busy machine adds to that.
    for number, pause in enumerate(pauses):
        assert 0.02 * 2**number * 0.9 <= pause <= 0.2 * 2**number + 10, pauses
    state = host.wait_for_state("numbers", lambda state: state.get("held") == 1, "held")
    assert state["oldestUnsettled"] == "1" and state["state"] == "degraded" and "500" in state["reason"], state


def test_poison_in_one_lane_holds_up_no_other(start_host, app):
    app.always("/numbers", lambda request: 500 if request.header("n") == "2" else 200)
    host = start_host(numbers(count=4000, lanes=4), app=app)
    host.wait_for_state("numbers", lambda state: state.get("acked") == 3000, "three lanes done", 60)
    taken = [int(event.header("n")) for event in app.requests("/numbers")]
    assert not any(number % 4 == 2 and number > 2 for number in taken)
    app.always("/numbers", 200)
    host.wait_for_state("numbers", lambda state: state.get("acked") == 4000, "all done", 60)
    poisoned = [int(event.header("n")) for event in app.requests("/numbers") if int(event.header("n")) % 4 == 2]
    assert [number for number in poisoned if number != 2] == list(range(6, 4001, 4))


def test_poison_without_a_lane_does_not_fill_the_window(start_host, app):
    app.always("/numbers", lambda request: 500 if int(request.header("n")) <= 200 else 200)
    host = start_host(numbers(count=2000), app=app)
    host.wait_for_state("numbers", lambda state: state.get("acked") == 1800, "everything but the poison is done", 60)


def test_an_application_that_goes_down_and_comes_back(start_host, app):
    host = start_host(numbers(count=3000, lanes=8), app=app)
    app.wait_for(500, "/numbers")
    app.stop()
    host.wait_for_state("numbers", lambda state: state.get("state") == "degraded", "the application is missed")
    app.start()
    host.wait_for_state("numbers", lambda state: state.get("acked") == 3000, "all done", 60)
    assert {int(event.header("n")) for event in app.requests("/numbers")} == set(range(1, 3001))


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
def test_a_handler_that_runs_at_sigterm_is_waited_for(start_host, app, tmp_path, options):
    gate = threading.Event()
    settled = tmp_path / "settled"
    app.always("/numbers", Answer(gate=gate))
    host = start_host(numbers(count=100, lanes=1, ledger=settled), app=app,
                      options=[*options, "--dapr-graceful-shutdown-seconds", "30"])
    app.wait_for(1, "/numbers")
    host.signal(signal.SIGTERM)
    holds_for(lambda: host.process.poll() is None and len(app.requests("/numbers")) == 1, 1.5,
              "the host ended or sent another event while the handler ran")
    gate.set()
    assert host.wait_exit() == 0
    lines = settled.read_text().splitlines()
    assert [line for line in lines if line.endswith(" ack")] == ["1 ack"]
    assert len(app.requests("/numbers")) == 1


def test_a_handler_over_the_deadline_is_cut(start_host, app):
    gate = threading.Event()
    app.always("/numbers", Answer(gate=gate))
    host = start_host(numbers(count=100, lanes=1), app=app, options=["--dapr-graceful-shutdown-seconds", "1"])
    app.wait_for(1, "/numbers")
    host.signal(signal.SIGTERM)
    assert host.wait_exit(30) == 1
    gate.set()
    named = [entry for entry in host.log() if entry.get("component") == "numbers" and "abandoned" in entry["msg"]]
    assert [(entry["level"], entry["running"]) for entry in named] == [("warning", "1")], host.output


def test_the_hosts_own_name_and_port_are_in_the_environment_of_components(start_host, app):
    start_host("""
kind: Component
metadata: { name: numbers }
spec:
  type: bindings.generator
  metadata:
  - { name: route, envRef: APP_ID }
  - { name: count, value: 1 }
  - { name: direction, value: input }
""", app=app)
    app.wait_for(1, "/test")


@contextlib.contextmanager
def hangups(how):
    """What is begun inside treats a SIGHUP like this, whatever the tests were begun with."""
    before = signal.signal(signal.SIGHUP, how)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_hangup_starts_it_again_with_the_files_that_are_there_now(start_host):
    with hangups(signal.SIG_DFL):
        host = start_host(component("sink", "bindings.null")).ready()
    (host.folder / "resources" / "late.yaml").write_text(component("late", "bindings.null"))
    host.signal(signal.SIGHUP)
    host.wait_for_message("Component loaded: late")
    host.wait_for_message("cleat stopped")
    assert pathlib.Path(f"/proc/{host.process.pid}/comm").read_text() == "cleat\n"
    assert host.stop() == 0


def test_an_end_that_is_asked_for_beats_a_hangup(start_host, app):
    gate = threading.Event()
    app.always("/numbers", Answer(gate=gate))
    with hangups(signal.SIG_DFL):
        host = start_host(numbers(count=100, lanes=1), app=app, options=["--dapr-graceful-shutdown-seconds", "60"])
    app.wait_for(1, "/numbers")
    host.signal(signal.SIGHUP)
    host.wait_for_message("stopping, to start again")
    host.signal(signal.SIGTERM)
    gate.set()
    assert host.wait_exit(30) == 0


def test_a_hangup_that_is_ignored_is_ignored(start_host):
    with hangups(signal.SIG_IGN):  # as nohup does
        host = start_host(component("sink", "bindings.null")).ready()
    host.signal(signal.SIGHUP)
    host.signal(signal.SIGTERM)
    assert host.wait_exit() == 0
    assert not any("start again" in text for text in host.messages()), host.output


def test_a_second_signal_ends_at_once(start_host, app):
    gate = threading.Event()
    app.always("/numbers", Answer(gate=gate))
    host = start_host(numbers(count=100, lanes=1), app=app, options=["--dapr-graceful-shutdown-seconds", "60"])
    app.wait_for(1, "/numbers")
    host.signal(signal.SIGTERM)
    host.wait_for_message("stopping")
    host.signal(signal.SIGTERM)
    assert host.wait_exit(30) == 1
    gate.set()


def test_an_endless_retry_does_not_hold_up_a_stop(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(count=100, lanes=1), app=app, options=["--dapr-graceful-shutdown-seconds", "60"])
    app.wait_for(2, "/numbers")
    assert host.stop(30) == 0


def test_at_most_so_many_calls_at_once(start_host, app):
    gate = threading.Event()
    for name in ("a", "b", "c"):
        app.always(f"/{name}", Answer(gate=gate))
    start_host(tick("a"), tick("b"), tick("c"), app=app, options=["--app-max-concurrency", "2"])
    app.wait_for(2)
    holds_for(lambda: app.most_running <= 2, 1.5, "more calls ran than --app-max-concurrency allows")
    gate.set()
    for name in ("a", "b", "c"):
        app.wait_for(1, f"/{name}")
