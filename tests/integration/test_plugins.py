"""A plugin directory: one file serves one type, and a file that is no plugin costs one sentence."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from support.host import BUILD, component

FAKES = BUILD / "tests" / "fakes"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def broken_elf(folder, change):
    data = bytearray((FAKES / "bindings.echo.so").read_bytes())
    target = folder / "bindings.changed.so"
    target.write_bytes(change(data))
    return target


def fake(name):
    return lambda folder: shutil.copy(FAKES / f"bindings.{name}.so", folder)


def other_machine(data):
    data[18] = 0xB7  # e_machine: aarch64
    return data


def half(data):
    return data[: len(data) // 2]


# What lies in the directory, and what its sentence says was found.
NEVER_OPENED = {
    "empty": (lambda folder: (folder / "x.so").write_bytes(b""), "empty"),
    "text": (lambda folder: (folder / "x.so").write_text("I am no plugin\n" * 100), ""),
    "truncated": (lambda folder: broken_elf(folder, half), ""),
    "other machine": (lambda folder: broken_elf(folder, other_machine), ""),
    "no note": (fake("no_note"), "note"),
    "note without JSON": (fake("note_not_json"), ""),
    "wrong version": (fake("wrong_abi"), "9.9"),
    "dangling link": (lambda folder: (folder / "x.so").symlink_to(folder / "gone"), ""),
    "a folder": (lambda folder: (folder / "x.so").mkdir(), ""),
    "a pipe": (lambda folder: os.mkfifo(folder / "x.so"), ""),
}
# A valid note; what is wrong shows when the file is opened, which is when a component names its type.
OPENED = {
    "no_entry": "cleat_entry_v0",
    "unresolved": "cleat_fake_missing_function",
    "entry_null": "NULL",
    "null_types": "types",
    "null_functions": "",
    "short_struct": "",
    "short_type": "",
    "manifest_mismatch": "manifest",
    "wrong_table_abi": "9.9",
    "load_fails": "the licence server of this fake is closed",
}


@pytest.fixture
def folder(echo_dir):
    return echo_dir


@pytest.mark.parametrize("case", NEVER_OPENED)
def test_a_file_that_is_no_plugin_costs_one_sentence(start_host, folder, case):
    put, word = NEVER_OPENED[case]
    put(folder)
    name = next(each.name for each in folder.iterdir() if each.name != "bindings.echo.so")
    host = start_host(component("echo", "bindings.echo"), plugin_dir=folder).outbound_ready()
    assert host.create("echo", 1).text == "1"
    host.wait_for_message(name, "expected")
    assert host.stop() == 0
    sentences = [text for text in host.messages() if name in text and "expected" in text]
    assert len(sentences) == 1, host.output
    assert str(folder / name) in sentences[0] and word in sentences[0]
    assert "the entry was called" not in "\n".join(text for text in host.messages() if name in text)


@pytest.mark.parametrize("name", OPENED)
def test_a_plugin_with_a_fault_fails_its_component_and_no_other(start_host, folder, name):
    shutil.copy(FAKES / f"bindings.{name}.so", folder)
    host = start_host(component("good", "bindings.echo"), component("bad", f"bindings.{name}"), plugin_dir=folder).outbound_ready()
    assert host.create("good", 1).text == "1"
    state = host.wait_for_state("bad", lambda state: state.get("reason"), "failed with a reason")
    assert f"bindings.{name}.so" in state["reason"] or name == "load_fails", state
    assert "expected" in state["reason"] and OPENED[name] in state["reason"], state
    host.wait_for_message(level="error")
    refused = host.create("bad", 1)
    assert refused.status == 500 and refused.json()["errorCode"] == "ERR_INVOKE_OUTPUT_BINDING"


def test_a_marker_without_a_note_never_runs(start_host, folder):
    for name in ("no_note", "note_not_json"):
        shutil.copy(FAKES / f"bindings.{name}.so", folder)
    host = start_host(component("a", "bindings.no_note"), component("b", "bindings.note_not_json"), plugin_dir=folder).outbound_ready()
    for name in ("a", "b"):
        assert host.wait_for_state(name, lambda state: state.get("reason"), "failed with a reason")["state"] == "failed"
    loaded = pathlib.Path(f"/proc/{host.process.pid}/maps").read_text()
    assert "bindings.no_note.so" not in loaded and "bindings.note_not_json.so" not in loaded


def test_only_plugins_that_are_named_are_opened(start_host, folder):
    shutil.copy(BUILD / "plugins" / "bindings.null.so", folder)
    host = start_host(component("echo", "bindings.echo"), plugin_dir=folder).outbound_ready()
    loaded = pathlib.Path(f"/proc/{host.process.pid}/maps").read_text()
    assert "bindings.echo.so" in loaded and "bindings.null.so" not in loaded


def test_a_file_dropped_into_plugins_beside_the_host_serves_a_new_type(start_host, tmp_path):
    place = tmp_path / "place"
    (place / "plugins").mkdir(parents=True)
    shutil.copy(BUILD / "cleat", place)
    text = component("echo", "bindings.echo")
    before = start_host(text, program=place / "cleat").outbound_ready()
    reason = before.wait_for_state("echo", lambda state: state.get("reason"), "failed with a reason")["reason"]
    assert "bindings.echo" in reason and str(place / "plugins") in reason
    assert before.stop() == 0
    shutil.copy(FAKES / "bindings.echo.so", place / "plugins")
    after = start_host(text, program=place / "cleat").outbound_ready()
    assert after.create("echo", "new").text == '"new"'


def test_the_first_plugin_of_the_page_for_authors_works_as_it_stands(start_host, tmp_path):
    page = (ROOT / "plugin-api" / "README.md").read_text()
    manifest, source, build = (re.search(rf"```{kind}\n(.*?)```", page, re.S).group(1) for kind in ("json", "cpp", "sh"))
    (tmp_path / "manifest.json").write_text(manifest)
    (tmp_path / "hello.cpp").write_text(source)
    built = subprocess.run(["bash", "-ec", build], cwd=tmp_path, env={**os.environ, "cleat": str(ROOT)}, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    host = start_host(component("hello", "bindings.hello"), plugin_dir=tmp_path).ready()
    assert host.create("hello", "world").text == 'Hello, "world"'


def test_nothing_is_taken_down_that_a_thread_which_a_plugin_left_behind_may_use(start_host, folder):
    host = start_host(component("echo", "bindings.echo"), plugin_dir=folder, env={"CLEAT_FAKE_SAYS_ITS_END": "1"}).outbound_ready()
    assert host.create("echo", 1).text == "1"
    assert host.stop() == 0
    assert "this fake is taken down" not in host.output


def test_a_missing_plugin_directory_gets_its_sentence(start_host, tmp_path):
    missing = tmp_path / "not-there"
    host = start_host(component("echo", "bindings.echo"), plugin_dir=missing)
    host.outbound_ready()
    host.wait_for_message(str(missing), "--plugin-dir")
