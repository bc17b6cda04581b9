"""What a person may see and decide while the host runs: components, held events, drop, retry, pause, resume, and whether a far end answers. The source is the generator."""

import socket
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.host import component
from support.wait import holds_for, wait_until

COMPONENTS = "/cleat/v1/components"
NULL = component("sink", "bindings.null")


def numbers(name="numbers", **fields):
    return component(name, "bindings.generator", {"direction": "input", "count": 1, **fields})


def look(host, path, **arguments):
    reply = host.request("GET", path, **arguments)
    assert reply.status == 200, reply.text
    assert reply.headers["content-type"] == "application/json"
    return reply.json()


def wait_for_held(host, condition, what, name="numbers"):
    # Before it has started it has no events to tell of.
    host.wait_for_state(name, lambda state: "held" in state and state.get("subscription") == "yes", "it reads events")

    def asked():
        held = look(host, f"{COMPONENTS}/{name}/events")
        return held if condition(held) else None
    return wait_until(asked, lambda: f"{what}; it is {look(host, f'{COMPONENTS}/{name}/events')}")


def decide(host, event, word, name="numbers"):
    """An attempt of the event may run at this moment: that conflict passes, and any other answer is given back."""
    def asked():
        reply = host.request("POST", f"{COMPONENTS}/{name}/events/{urllib.parse.quote(event, safe='')}/{word}")
        return reply if reply.status != 409 or "runs now" not in reply.text else None
    return wait_until(asked, f"an answer to {word} of event {event}")


def test_components_are_listed_in_the_order_of_the_files(start_host, app):
    host = start_host(numbers(), NULL, app=app).ready()
    host.wait_for_state("numbers", lambda state: state.get("acked") == 1, "acked")
    first, second = look(host, COMPONENTS)["components"]
    assert (first["name"], first["type"], first["capabilities"]) == ("numbers", "bindings.generator", ["INPUT_BINDING"])
    assert (first["state"], first["subscription"], first["restarts"], first["required"]) == ("running", "yes", 0, False)
    assert (first["attempts"], first["acked"], first["held"], first["blocked"], first["unsettled"]) == (1, 1, 0, 0, 0)
    assert first["lastSuccess"] and "lastError" not in first and "oldestUnsettled" not in first
    assert second["name"] == "sink" and "inFlight" not in second
    assert look(host, f"{COMPONENTS}/sink") == second
    assert host.request("GET", f"{COMPONENTS}/nobody").json()["errorCode"] == "ERR_NOT_FOUND"
    assert host.request("GET", f"{COMPONENTS}/sink/events").status == 404


def test_an_input_that_has_not_begun_holds_no_events(start_host):
    """Without an application nothing is read; the other does not start at all."""
    host = start_host(numbers(), component("bad", "bindings.generator", {"direction": "input", "lanes": 1_000_000}), NULL,
                      component("off", "bindings.null", {"direction": "output"}))
    host.wait_for_state("bad", lambda state: state["state"] == "failed", "refused")
    host.wait_for_state("numbers", lambda state: state["state"] == "running", "started")
    for name in ("numbers", "bad"):
        assert look(host, f"{COMPONENTS}/{name}/events") == {"total": 0, "events": []}
        reply = host.request("POST", f"{COMPONENTS}/{name}/events/1/drop")
        assert (reply.status, "no event '1' is held" in reply.text) == (404, True), reply.text
    reply = host.request("GET", f"{COMPONENTS}/off/events")
    assert (reply.status, "there is no input component 'off'" in reply.text) == (404, True), reply.text


def test_a_held_event_is_seen_and_dropped(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(), app=app)
    held = wait_for_held(host, lambda held: held["events"] and held["events"][0]["attempts"] >= 2, "two attempts")
    assert held["total"] == 1
    event = held["events"][0]
    assert (event["id"], event["lane"], event["lastStatus"]) == ("1", 0, 500)
    assert "500" in event["lastAnswer"] and event["ageSeconds"] > 0 and event["firstSeen"]
    # Between two attempts; during one the component is well.
    state = wait_until(lambda: s if (s := look(host, f"{COMPONENTS}/numbers"))["held"] else None, "held")
    assert state["state"] == "degraded" and state["troubledEvent"] == "1" and state["oldestUnsettled"]["ageSeconds"] > 0
    assert "500" in state["lastError"]["text"]
    assert decide(host, "2", "drop").status == 404
    assert decide(host, "1", "dead-letter").status == 409  # there is no target
    assert decide(host, "1", "drop").status == 204
    wait_for_held(host, lambda held: held == {"total": 0, "events": []}, "nothing is held")
    host.wait_for_state("numbers", lambda state: (state["state"], state["dropped"], state["unsettled"]) == ("running", 1, 0), "running again")
    seen = len(app.requests("/numbers"))
    holds_for(lambda: len(app.requests("/numbers")) == seen, 1.0, "a dropped event came again")
    host.wait_for_message("a person decided")


def test_a_blocked_event_is_retried_when_a_person_says_so(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(maxAttempts=2), app=app)
    wait_for_held(host, lambda held: held["events"] and held["events"][0]["place"] == "blocked", "blocked")
    state = look(host, f"{COMPONENTS}/numbers")
    assert (state["state"], state["blocked"], state["troubledEvent"]) == ("degraded", 1, "1")
    assert len(app.requests("/numbers")) == 2
    app.always("/numbers", 200)
    assert decide(host, "1", "retry").status == 204
    app.wait_for(3, "/numbers")
    host.wait_for_state("numbers", lambda state: state["acked"] == 1 and state["state"] == "running", "acked")


def test_pause_stops_delivery_and_resume_goes_on(start_host, app):
    app.always("/numbers", lambda request: 500 if request.header("n") == "2" else 200)
    host = start_host(numbers(count=0, rate=200), app=app)
    wait_for_held(host, lambda held: any(event["id"] == "2" for event in held["events"]), "2 is held")
    assert host.request("POST", f"{COMPONENTS}/numbers/pause").status == 204
    state = host.wait_for_state("numbers", lambda state: state["state"] == "paused" and state["unsettled"] == 0, "paused and empty")
    assert state["held"] == 0
    assert look(host, f"{COMPONENTS}/numbers/events") == {"total": 0, "events": []}
    seen = len(app.requests("/numbers"))
    holds_for(lambda: len(app.requests("/numbers")) == seen, 1.5, "an event was sent while paused")
    assert host.request("GET", "/v1.0/healthz").status == 204
    app.always("/numbers", 200)
    assert host.request("POST", f"{COMPONENTS}/numbers/resume").status == 204
    app.wait_for(seen + 50, "/numbers")
    wait_until(lambda: [r for r in app.requests("/numbers")[seen:] if r.header("n") == "2"], "2 came again")
    host.wait_for_state("numbers", lambda state: state["state"] == "running", "running")


def wait_for_run(host, *names):
    for name in names:
        host.wait_for_state(name, lambda state: state["state"] == "running", "running")


def test_the_far_end_is_asked(start_host, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    host = start_host(component("files", "bindings.localstorage", {"rootPath": folder}), NULL,
                      component("bad", "bindings.localstorage"), component("in", "bindings.generator")).ready()
    wait_for_run(host, "files", "in")

    def ping(name):
        reply = host.request("POST", f"{COMPONENTS}/{name}/ping")
        return reply.status, reply.text
    assert ping("files") == (204, "")
    folder.rename(tmp_path / "gone")
    status, text = ping("files")
    assert (status, "ERR_UNREACHABLE" in text, str(folder) in text) == (503, True, True), text
    (tmp_path / "gone").rename(folder)
    assert ping("files") == (204, "")
    status, text = ping("in")
    assert (status, "cannot ask" in text) == (409, True), text
    status, text = ping("bad")
    assert (status, "does not run" in text) == (409, True), text
    assert ping("nobody")[0] == 404


def test_a_far_end_that_hangs_holds_up_nobody(start_host):
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fields = {"bucket": "b", "region": "us-east-1", "endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}", "accessKey": "a",
                  "secretKey": "s"}
        host = start_host(component("far", "bindings.aws.s3", fields), NULL).ready()
        wait_for_run(host, "far")
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(host.request, "POST", f"{COMPONENTS}/far/ping") for _ in range(2)]
            wait_until(lambda: any(each.done() for each in asked), "the second question is refused")
            assert host.invoke("sink", {"operation": "create", "data": "x"}).status == 204
            refused, silence = sorted((each.result() for each in asked), key=lambda reply: reply.status)
        assert (refused.status, "is being asked" in refused.text) == (409, True), refused.text
        assert (silence.status, silence.json()["errorCode"], "far" in silence.text) == (503, "ERR_UNREACHABLE", True), silence.text


@pytest.mark.parametrize("word", ["pause", "resume", "ping"])
def test_an_unknown_component_cannot_be_told_anything(start_host, word):
    host = start_host(NULL).ready()
    assert host.request("POST", f"{COMPONENTS}/nobody/{word}").status == 404
    refused = host.request("GET", f"{COMPONENTS}/nobody/{word}")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


def test_readiness_waits_for_the_application_and_what_is_required(start_host, absent_app):
    host = start_host(numbers(required="true"), app=absent_app).outbound_ready()
    waiting = host.request("GET", "/cleat/v1/ready")
    assert (waiting.status, waiting.json()["errorCode"]) == (503, "ERR_NOT_READY")
    absent_app.start()
    wait_until(lambda: host.request("GET", "/cleat/v1/ready").status == 204, "ready")
    assert host.request("POST", f"{COMPONENTS}/numbers/pause").status == 204
    host.wait_for_state("numbers", lambda state: state["state"] == "paused", "paused")
    waiting = wait_until(lambda: r if (r := host.request("GET", "/cleat/v1/ready")).status == 503 else None, "not ready")
    assert "numbers" in waiting.json()["message"]
    assert host.request("GET", "/v1.0/healthz").status == 204


def test_the_token_is_asked_for(start_host, app):
    app.always("/numbers", 500)
    host = start_host(numbers(), app=app, env={"DAPR_API_TOKEN": "s3cret"})
    wait_until(lambda: host.request("GET", "/cleat/v1/ready").status == 204, "ready without a token")
    paths = ["", "/numbers", "/numbers/events"]
    assert {host.request("GET", COMPONENTS + path).status for path in paths} == {401}
    paths = ["/numbers/pause", "/numbers/resume", "/numbers/ping", "/numbers/events/1/drop"]
    assert {host.request("POST", COMPONENTS + path).status for path in paths} == {401}
    token = {"dapr-api-token": "s3cret"}
    assert look(host, f"{COMPONENTS}/numbers", headers=token)["state"] != "paused"
    assert host.request("POST", f"{COMPONENTS}/numbers/pause", headers=token).status == 204
