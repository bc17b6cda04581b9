"""What the cloud types do when the service has a bad day: what they say, whether it is worth another attempt, and that they go on alone
afterwards. One host has them all; each has a service of its own that fails as it is told."""

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.case import Case
from conformance.plugin import OK, Plugin
from support.app import Answer, Application
from support.cloud import AWS, Cloud, call, call_of, has_no_secret, is_well, new_text, part, told_by, wait_until_well
from support.endurance import INPUTS, hub_of
from support.host import Host
from support.servers_google import new_private_key
from support.wait import wait_until

HTTP = ("sqs", "s3", "sns", "gcs", "queue", "blob")
# What is sent to these is there twice if it is sent twice.
ONCE = ("sqs", "sns", "queue")
PAGE = Answer(200, b"<html><body>Please log in to the network.</body></html>", {"content-type": "text/html"})


@dataclasses.dataclass
class Day:
    """`make` gives what is set as the day of a service. `says` are the words of the answer, `status` its class: each also of one
    service, by its name."""
    make: object
    status: object
    says: object
    has_id: bool = False


def answered(**changes):
    """It does what it is asked, and its answer gets lost on the way."""
    return lambda service: lambda request: dataclasses.replace(service.well(request), **changes)


def named(kind):
    return lambda service: kind


DAYS = {
    "wrong credentials": Day(named("wrong credentials"), "UNAUTHENTICATED", {
        "sqs": "InvalidClientTokenId", "s3": "SignatureDoesNotMatch", "sns": "InvalidClientTokenId", "gcs": "authError",
        "queue": "AuthenticationFailed", "blob": "AuthenticationFailed"}, has_id=True),
    "expired token": Day(named("expired token"), "UNAUTHENTICATED", {
        "sqs": "ExpiredToken", "s3": "ExpiredToken", "sns": "ExpiredToken", "queue": "InvalidAuthenticationInfo", "blob": "InvalidAuthenticationInfo"},
        has_id=True),
    "missing": Day(named("missing"), "NOT_FOUND", {
        "sqs": "QueueDoesNotExist", "s3": "NoSuchBucket", "sns": "NotFound", "gcs": "notFound", "queue": "QueueNotFound", "blob": "ContainerNotFound"},
        has_id=True),
    "denied": Day(named("denied"), "DENIED", {
        "sqs": "AccessDenied", "s3": "AccessDenied", "sns": "AuthorizationError", "gcs": "HTTP 403 forbidden", "queue": "AuthorizationFailure",
        "blob": "AuthorizationFailure"}, has_id=True),
    "throttled": Day(named("throttled"), "THROTTLED", {
        "sqs": "RequestThrottled", "s3": "SlowDown", "sns": "Throttled", "gcs": "HTTP 429", "queue": "HTTP 429", "blob": "HTTP 429"}, has_id=True),
    "unavailable": Day(named("unavailable"), {None: "UNAVAILABLE", "queue": "THROTTLED", "blob": "THROTTLED"}, {
        "sqs": "ServiceUnavailable", "s3": "ServiceUnavailable", "sns": "ServiceUnavailable", "gcs": "HTTP 503", "queue": "ServerBusy",
        "blob": "ServerBusy"}, has_id=True),
    "broken": Day(named("broken"), {None: "UNAVAILABLE", **dict.fromkeys(AWS, "REMOTE")}, {
        "sqs": "InternalFailure", "s3": "InternalError", "sns": "InternalError", "gcs": "HTTP 500", "queue": "HTTP 500", "blob": "HTTP 500"}, has_id=True),
    "closed without an answer": Day(answered(cut="before"), "UNAVAILABLE", ""),
    "cut in the head": Day(answered(cut="inside"), "UNAVAILABLE", ""),
    "truncated body": Day(answered(cut="body"), "UNAVAILABLE", ""),
    "slow body": Day(answered(slow=0.2), "TIMEOUT", ""),
    "what it was told said back": Day(lambda service: lambda request: service.refuse("denied", all_of(request)), "DENIED", ""),
    "redirect": Day(lambda service: Answer(307, b"", {"location": service.elsewhere}), "REMOTE", "endpoint"),
    "page of a proxy": Day(lambda service: PAGE, "REMOTE", "is the endpoint"),
}
# These say that it is not known what became of it, and are not tried again where twice would be twice.
UNKNOWN = ("closed without an answer", "cut in the head", "truncated body", "slow body")


def all_of(request):
    """All that may hold a secret, in one line."""
    return " ".join([request.path, *(value for _, value in request.headers), request.body.decode(errors="replace").replace("\n", " ")])


class Trap(Application):
    """Whoever comes here has followed a redirect."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/elsewhere"


@pytest.fixture(scope="module")
def trap():
    made = Trap()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cloud():
    made = Cloud(new_private_key())
    yield made
    made.close()


@pytest.fixture(scope="module")
def calls():
    made = Application()
    yield made
    made.close()


@pytest.fixture(scope="module")
def host(cloud, calls, tmp_path_factory):
    """With a component for each service; the queues' also read."""
    texts = [part(cloud, name, direction="input, output" if name in INPUTS else "output") for name in HTTP]
    made = Host(tmp_path_factory.mktemp("host"), *texts, app=calls, env=cloud.environment)
    made.outbound_ready()
    yield made
    cloud.well()
    made.finish()
    has_no_secret(cloud, made.output)


def of(given, name):
    return given.get(name, given.get(None)) if isinstance(given, dict) else given


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("kind", [kind for kind in DAYS if kind != "slow body"])
def test_a_call(host, cloud, trap, kind, name):
    day, service = DAYS[kind], cloud.services[name]
    service.elsewhere = trap.url
    if name == "gcs" and kind == "expired token":
        return  # is asked for anew, see below
    wait_until_well(host, name)
    service.day = day.make(service)
    try:
        _, reply = call(host, name)
        assert reply.status == 500 and reply.json()["errorCode"] == "ERR_INVOKE_OUTPUT_BINDING", (reply.status, reply.text)
        assert (reply.headers["cleat-status"], of(day.says, name) in reply.text) == (of(day.status, name), True), (reply.headers, reply.text)
        assert name in reply.json()["message"]
        if day.has_id:
            assert any(each in reply.text for each in service.ids), f"no id of a request in {reply.text}"
        if kind in UNKNOWN and name in ONCE:
            assert "may have been" in reply.text or "may be in" in reply.text, reply.text
        has_no_secret(cloud, reply.text, *told_by(host))
    finally:
        service.day = None
    wait_until_well(host, name)
    assert not trap.requests("/elsewhere") and not trap.requests("/elsewhere", "PUT"), "the redirect was followed"


def test_an_answer_that_does_not_end_ends_with_the_call(start_host, cloud):
    texts = [part(cloud, name, direction="output", invokeTimeout="2s") for name in HTTP]
    host = start_host(*texts, env=cloud.environment).outbound_ready()
    for name in HTTP:
        wait_until_well(host, name)
        cloud.services[name].day = DAYS["slow body"].make(cloud.services[name])
    try:
        with ThreadPoolExecutor(len(HTTP)) as pool:
            for name, (_, reply) in zip(HTTP, pool.map(lambda name: call(host, name), HTTP)):
                # The host says so in Dapr's words, if the plugin has not done so.
                assert reply.status == 500 and reply.headers["cleat-status"] == "TIMEOUT" and name in reply.text, reply.text
    finally:
        cloud.well()
    for name in HTTP:
        wait_until_well(host, name)


# --- worth another attempt? ---


@pytest.mark.parametrize("name", HTTP)
def test_what_is_worth_another_attempt(cloud, tmp_path, name):
    """The same without the host, which keeps that to itself: certainly not carried out, or no harm if it is carried out twice."""
    type_, fields = cloud.fields(name)
    plugin = Plugin(Case(plugin=type_.removeprefix("bindings."), secrets=cloud.planted), tmp_path, environment=cloud.environment)
    service = cloud.services[name]
    try:
        plugin.run(fields, "output")
        data, metadata = call_of(name, "x")
        wait_until(lambda: plugin.call("create", json.dumps(data).encode(), metadata).status == OK, "it takes calls", 60)
        found = {}
        for kind, day in DAYS.items():
            if kind == "expired token" and name == "gcs":
                continue
            service.day = day.make(service)
            found[kind] = plugin.call("create", json.dumps(data).encode(), metadata, limit=1.0 if kind == "slow body" else 10.0)
            service.day = None
            wait_until(lambda: plugin.call("create", json.dumps(data).encode(), metadata).status == OK, lambda: f"well after {kind}: {found[kind]}", 60)
        again = {"throttled", "unavailable"} | ({"expired token"} if name in AWS else set()) | ({"missing"} if name in ("queue", "blob") else set())
        if name not in ONCE:
            again |= {"broken", "page of a proxy", *UNKNOWN}
        assert {kind for kind, done in found.items() if done.retryable} == again, found
        assert "within the time of the call" in found["slow body"].text, found["slow body"]
        plugin.stop()
        plugin.free()
    finally:
        cloud.well()
        plugin.close()


# --- inputs ---


def seen(calls, name):
    return [each.body.decode() for each in calls.requests(f"/{name}")]


@pytest.mark.parametrize("kind", ["wrong credentials", "denied", "throttled", "unavailable", "closed without an answer", "truncated body",
                                  "redirect", "page of a proxy"])
def test_an_input(host, cloud, calls, kind):
    day, texts = DAYS[kind], {name: new_text() for name in INPUTS}
    for name in INPUTS:
        wait_until_well(host, name)
    try:
        for name, text in texts.items():
            service = cloud.services[name]
            service.day = day.make(service)
            service.messages.put(text)
        for name in INPUTS:
            host.wait_for_state(name, lambda state, name=name: state.get("reason") and of(day.says, name) in state["reason"], "says why")
        has_no_secret(cloud, *told_by(host))
    finally:
        cloud.well()
    for name, text in texts.items():
        wait_until(lambda: text in seen(calls, name), lambda: f"{name} brings {text}; {host.state(name)}", 60)
        queue = cloud.services[name].messages
        wait_until(lambda: len(queue) == 0, lambda: f"{len(queue)} messages are left of {name}", 60)
        assert set(queue.deleted) <= set(seen(calls, name)), "deleted without the application"
        host.wait_for_state(name, lambda state: state.get("state") == "running", "is well")


@pytest.mark.parametrize("kind", ["denied", "unavailable", "truncated body", "closed without an answer"])
def test_what_is_done_is_deleted_in_the_end(host, cloud, calls, kind):
    """And is not while the application works on it."""
    gates, texts = {name: threading.Event() for name in INPUTS}, {name: new_text() for name in INPUTS}
    for name in INPUTS:
        wait_until_well(host, name)
        wait_until(lambda: len(cloud.services[name].messages) == 0, "the queue is empty")
        calls.always(f"/{name}", lambda request, name=name: Answer(gate=gates[name] if request.body.decode() == texts[name] else None))
    try:
        for name, text in texts.items():
            cloud.services[name].messages.put(text)
        for name, text in texts.items():
            wait_until(lambda: text in seen(calls, name), f"{name} brings {text}")
            assert text not in cloud.services[name].messages.deleted
            cloud.services[name].day = DAYS[kind].make(cloud.services[name])
            gates[name].set()
        for name in INPUTS:
            host.wait_for_state(name, lambda state: state.get("reason"), "says why")
    finally:
        cloud.well()
        for name in INPUTS:
            gates[name].set()
            calls.always(f"/{name}", 200)
    for name in INPUTS:
        queue = cloud.services[name].messages
        wait_until(lambda: len(queue) == 0, lambda: f"{len(queue)} messages are left of {name}", 60)


# --- clocks, tokens ---


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_clock_that_is_wrong_is_made_up_for(host, cloud, ahead):
    clocked = [*AWS, "queue"]
    for name in clocked:
        wait_until_well(host, name)
    try:
        for name in clocked:
            cloud.services[name].ahead = ahead
        for name in clocked:
            _, first = call(host, name)
            assert first.status in (200, 204) or first.headers["cleat-status"] == "UNAUTHENTICATED", first.text
            assert first.status in (200, 204) or cloud.services[name].skewed in first.text
            wait_until(lambda: is_well(host, name), lambda: f"{name} knows the time; {host.state(name)}")
    finally:
        for name in clocked:
            cloud.services[name].ahead = 0.0
            cloud.services[name].day = None
    for name in clocked:
        wait_until_well(host, name)


@pytest.mark.parametrize("name", ["gcs", "blob"])
def test_a_token_that_has_expired_early_is_replaced_without_a_word(host, cloud, name):
    wait_until_well(host, name)
    before = len(cloud.login.given)
    cloud.login.forget()
    assert is_well(host, name)
    assert len(cloud.login.given) == before + 1


@pytest.mark.parametrize(("kind", "status", "words"), [
    ("wrong credentials", "UNAUTHENTICATED", "invalid_client"), ("unavailable", "UNAVAILABLE", "HTTP 503 temporarily_unavailable"),
    ("skewed", "UNAUTHENTICATED", "reasonable timeframe"),
])
def test_no_token_is_to_be_had(host, cloud, kind, status, words):
    """The token endpoint is asked ever more rarely meanwhile, whatever comes."""
    names = ("gcs", "blob")
    for name in names:
        wait_until_well(host, name)
    cloud.login.day = kind
    try:
        cloud.login.forget()
        asked = cloud.login.count
        for name in names:
            for _ in range(20):
                _, reply = call(host, name)
                assert reply.status == 500 and reply.headers["cleat-status"] == status and words in reply.text, reply.text
            host.wait_for_state(name, lambda state: words in state.get("reason", ""), "says why")
        assert cloud.login.count - asked <= 20, "it was asked for each call"
    finally:
        cloud.login.day = None
    for name in names:
        wait_until_well(host, name)


def test_tokens_that_nobody_takes_are_not_asked_for_with_each_call(host, cloud):
    names = ("gcs", "blob")
    for name in names:
        wait_until_well(host, name)
    refused = {"gcs": "wrong credentials", "blob": "expired token"}
    try:
        for name in names:
            cloud.services[name].day = refused[name]
        asked = cloud.login.count
        for name in names:
            for _ in range(20):
                _, reply = call(host, name)
                assert reply.status == 500 and reply.headers["cleat-status"] == "UNAUTHENTICATED", reply.text
        assert cloud.login.count - asked <= 20, f"{cloud.login.count - asked} tokens for 40 calls"
    finally:
        cloud.well()
    for name in names:
        wait_until_well(host, name)


# --- nobody there ---


def test_a_name_that_nobody_knows(start_host, cloud, kafka):
    texts = [part(cloud, name, url="http://no-such-host.invalid", direction="output") for name in HTTP]
    host = start_host(*texts, hub_of(kafka, invokeTimeout="20s")("no-such-host.invalid:9093"), env=cloud.environment).outbound_ready()
    for name in (*HTTP, "hub"):
        _, reply = call(host, name)
        assert reply.status == 500 and reply.headers["cleat-status"] == "UNAVAILABLE", (name, reply.text)
        host.wait_for_state(name, lambda state: "no-such-host.invalid" in state.get("reason", ""), "says which name")
    has_no_secret(cloud, host.output, *told_by(host))


@pytest.mark.parametrize("name", HTTP)
def test_a_service_that_is_killed_in_the_middle(host, cloud, name):
    """It has the request, and has answered nothing."""
    service, stuck = cloud.services[name], threading.Event()
    wait_until_well(host, name)
    has_it = threading.Event()

    def hang(request):
        has_it.set()
        return Answer(gate=stuck)
    service.day = hang
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, host, name)
        assert has_it.wait(20)
        service.stop()
        stuck.set()
        _, reply = running.result()
    assert reply.status == 500 and reply.headers["cleat-status"] == "UNAVAILABLE", reply.text
    _, refused = call(host, name)
    assert refused.status == 500 and refused.headers["cleat-status"] == "UNAVAILABLE", refused.text
    service.day = None
    service.start()
    wait_until_well(host, name)
