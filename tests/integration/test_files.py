"""Component files: what loads, what is skipped with a warning, what ends the start."""

import contextlib
import json
import pathlib
import subprocess

import pytest

from support.host import BUILD, component
from support.wait import wait_until

NULL = component("sink", "bindings.null")


def test_two_documents_in_one_file_of_which_one_is_broken(start_host):
    host = start_host(files={"both.yaml": "kind: Component\nmetadata: [\n---\n" + NULL}).outbound_ready()
    assert host.create("sink", 1).status == 204
    host.wait_for_message("both.yaml", level="warning")


@pytest.mark.parametrize("text", [
    "kind: Component\nmetadata: { name: sink }\nspec: { type: bindings.null }\n",
    "apiVersion: actions.io/v1alpha1\nkind: Component\nmetadata: { name: sink }\nspec: { type: bindings.null }\n",
    "kind: Component\nname: sink\ntype: bindings.null\nmetadata:\n- { name: direction, value: output }\n",
])
def test_old_forms_of_a_component(start_host, text):
    host = start_host(text).outbound_ready()
    assert host.create("sink", 1).status == 204


@pytest.mark.parametrize("text", [
    "apiVersion: actions.io/v1alpha1\nkind: Component\nmetadata: { name: sink }\nspec: { type: bindings.null }\n",
    "kind: Component\nname: sink\ntype: bindings.null\n",
])
def test_old_forms_are_not_read_with_strict_dapr(start_host, text):
    host = start_host(text, options=["--strict-dapr"]).outbound_ready()
    assert "couldn't find output binding sink" in host.create("sink", 1).json()["message"]


@pytest.mark.parametrize("options", [[], ["--strict-dapr"]])
def test_a_name_given_twice_ends_the_start(start_host, options):
    host = start_host(NULL, NULL, options=options)
    assert host.wait_exit() == 1
    assert "sink" in host.output and "00.yaml" in host.output and "01.yaml" in host.output


def test_scopes_leave_out_another_application(start_host):
    host = start_host(NULL + "scopes: [someone-else]\n", component("mine", "bindings.null") + "scopes: [test]\n").outbound_ready()
    assert "couldn't find output binding sink" in host.create("sink", 1).json()["message"]
    assert host.create("mine", 1).status == 204


def test_a_component_that_fails_is_shown_and_the_others_run(start_host):
    host = start_host(component("bad", "bindings.cron", {"schedule": "now and then"}), NULL).outbound_ready()
    assert host.create("sink", 1).status == 204
    state = host.wait_for_state("bad", lambda state: state.get("state") == "failed", "failed")
    assert "now and then" in state["reason"] and "schedule" in state["reason"]
    host.wait_for_message("bad", "now and then", level="error")


def test_strict_dapr_ends_when_a_component_fails(start_host):
    bad = component("bad", "bindings.cron", {"schedule": "now and then"})
    assert start_host(bad, NULL, options=["--strict-dapr"]).wait_exit() == 1


def test_strict_dapr_goes_on_when_errors_are_to_be_ignored(start_host):
    bad = component("bad", "bindings.cron", {"schedule": "now and then"}, ignoreErrors=True)
    host = start_host(bad, NULL, options=["--strict-dapr"]).outbound_ready()
    assert "couldn't find output binding bad" in host.create("bad", 1).json()["message"]
    assert host.create("sink", 1).status == 204


def test_an_unknown_type_names_the_places_that_were_searched(start_host):
    host = start_host(component("x", "bindings.unheard-of"), NULL).outbound_ready()
    reason = host.wait_for_state("x", lambda state: state.get("state") == "failed", "failed")["reason"]
    assert "bindings.unheard-of.so" in reason and str(BUILD / "plugins") in reason and "bindings.null" in reason


def test_a_field_that_is_misspelled_is_named_with_what_was_meant(start_host):
    host = start_host(component("tick", "bindings.cron", {"shedule": "@every 1s"})).outbound_ready()
    reason = host.wait_for_state("tick", lambda state: state.get("state") == "failed", "failed")["reason"]
    assert "schedule" in reason
    host.wait_for_message("shedule", "schedule")


def test_a_missing_folder_ends_the_start_with_its_sentence(start_host, tmp_path):
    host = start_host(options=["--resources-path", str(tmp_path / "gone")])
    assert host.wait_exit() == 1
    assert str(tmp_path / "gone") in host.output and "--resources-path" in host.output


@pytest.mark.parametrize("flag", ["--no-such-flag", "-no-such-flag"])
def test_an_unknown_flag_is_exit_2(start_host, flag):
    host = start_host(options=[flag])
    assert host.wait_exit() == 2
    assert "no-such-flag" in host.output


@pytest.mark.parametrize("options", [
    ["-components-path={}"], ["--components-path", "{}"], ["-resources-path", "{}"], ["--resources-path={}"]])
def test_flags_with_one_dash_or_two(tmp_path, options):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "sink.yaml").write_text(NULL)
    command = [BUILD / "cleat", "--app-id=test", "-dapr-http-port", "0", *(each.format(folder) for each in options)]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert any("Component loaded: sink" in line for line in host.stdout)
    finally:
        host.terminate()
        host.stdout.read()
        host.wait(20)
    assert host.returncode == 0


def test_daprs_other_flags_are_taken_and_said_once(start_host):
    host = start_host(NULL, options=["--dapr-grpc-port", "0", "--metrics-port=0", "--enable-metrics=false", "-app-protocol", "http",
                                     "--placement-host-address", "localhost:1", "--mode", "standalone"]).outbound_ready()
    host.wait_for_message("dapr-grpc-port")
    said = [text for text in host.messages() if "dapr-grpc-port" in text]
    assert len(said) == 1, host.output


def test_nothing_takes_the_place_of_a_closed_output(tmp_path):
    """Who starts it may have closed its descriptors. What it says must not go to the next thing that it opens."""
    command = [BUILD / "cleat", "--app-id", "test", "--dapr-http-port", "0", "--resources-path", tmp_path]
    host = subprocess.Popen(["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *map(str, command)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def descriptors():
        found = {}
        for place in pathlib.Path(f"/proc/{host.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found[int(place.name)] = str(place.readlink())
        return found

    try:
        wait_until(lambda: any(each.startswith("socket:") for each in descriptors().values()), "a port that is listened on")
        assert [descriptors()[number] for number in range(3)] == ["/dev/null"] * 3
    finally:
        host.terminate()
        host.wait(20)
    assert host.returncode == 0


def test_version():
    done = subprocess.run([BUILD / "cleat", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert done.stderr == ""


def letters(source_type, source, target_type, target, **more):
    """An input whose dead letters go to the component `dead`, and that one. Both types read and write."""
    return (component("in", source_type, {"direction": "input", "deadLetter": "dead", **source, **more}),
            component("dead", target_type, {"direction": "output", **target}))


def kafka_in(**fields):
    return {"brokers": "kafka-1:9092,kafka-2:9092", "topics": "orders, returns", "consumerGroup": "g", **fields}


@pytest.mark.parametrize("brokers", ["kafka-1:9092,kafka-2:9092", "tcp://KAFKA-2:9092", "elsewhere:1, kafka-1"])
def test_a_dead_letter_to_its_own_source_does_not_start(start_host, app, brokers):
    host = start_host(*letters("bindings.kafka", kafka_in(), "bindings.kafka", {"brokers": brokers, "publishTopic": "returns"}), app=app)
    reason = host.wait_for_state("in", lambda state: state.get("state") == "failed", "failed")["reason"]
    assert "'dead', which writes to 'returns' (publishTopic)" in reason and "'in' reads that (topics)" in reason
    assert host.state("dead")["state"] != "failed"


@pytest.mark.parametrize("target", [
    {"brokers": "kafka-1:9092", "publishTopic": "orders-dead"},
    {"brokers": "kafka-1:9093,kafka-3:9092", "publishTopic": "orders"},
])
def test_a_dead_letter_to_somewhere_else_starts(start_host, app, target):
    host = start_host(*letters("bindings.kafka", kafka_in(), "bindings.kafka", target), app=app)
    host.wait_for_state("in", lambda state: state.get("state") in ("running", "degraded"), "started")


def test_a_dead_letter_without_a_place_to_go_does_not_start(start_host, app):
    host = start_host(*letters("bindings.kafka", kafka_in(), "bindings.kafka", {"brokers": "kafka-1:9092"}), app=app)
    reason = host.wait_for_state("in", lambda state: state.get("state") == "failed", "failed")["reason"]
    assert "'dead' is missing a place to write to: expected 'publishTopic' in its component" in reason


@pytest.mark.parametrize("writes,metadata,words", [
    ("there", {"to": "here"}, "writes to 'here'"),
    (None, {"to": "here"}, "writes to 'here'"),
    ("here", {"to": "there"}, None),
    (None, {"other": "x"}, "'writes' in its component or 'to' in deadLetterMetadata"),
])
def test_the_metadata_of_a_dead_letter_says_where_it_goes(start_host, app, echo_dir, writes, metadata, words):
    target = {} if writes is None else {"writes": writes}
    parts = letters("bindings.echo", {"reads": "here"}, "bindings.echo", target, deadLetterMetadata=json.dumps(metadata))
    host = start_host(*parts, app=app, plugin_dir=echo_dir)
    state = host.wait_for_state("in", lambda state: state.get("state") in ("failed", "running", "degraded"), "decided")
    assert (state["state"] == "failed" and words in state["reason"]) if words else state["state"] != "failed", state
