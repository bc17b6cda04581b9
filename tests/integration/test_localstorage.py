"""Files through the host. What a call did is judged by looking at the folder."""

import base64
import ctypes
import os
import pathlib
import signal
import threading

import pytest

from support.host import component

TYPE = "bindings.localstorage"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def files(start_host, root):
    return start_host(component("files", TYPE, {"rootPath": root})).outbound_ready()


def call(host, operation, data=None, **metadata):
    body = {"operation": operation, "metadata": {name: str(value) for name, value in metadata.items()}}
    return host.invoke("files", body if data is None else {**body, "data": data})


def snapshot(folder):
    """Everything below a folder, by its name there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_lives(files, root):
    reply = call(files, "create", "hello", fileName="a/b.txt")
    assert (reply.status, reply.json()) == (200, {"fileName": "a/b.txt"})
    assert snapshot(root) == {"a/b.txt": b"hello"}
    reply = call(files, "get", fileName="a/b.txt")
    assert (reply.status, reply.body) == (200, b"hello")
    assert call(files, "list").json() == ["a/b.txt"]
    assert call(files, "delete", fileName="a/b.txt").status == 204
    assert call(files, "get", fileName="a/b.txt").headers["cleat-status"] == "NOT_FOUND"
    assert snapshot(root) == {}


def test_what_is_stored_is_what_was_meant(files, root):
    for data, expected in [("test", b"test"), ("YWFh", b"YWFh"), ({"b": 1, "a": [None, 1.50]}, None), (12345678901234567890, b"12345678901234567890"),
                           ("M\u00fcller \u2028 \U0001f600", "M\u00fcller \u2028 \U0001f600".encode()), ("", b"")]:
        assert call(files, "create", data, fileName="f").status == 200
        stored = (root / "f").read_bytes()
        assert stored == expected if expected is not None else stored.startswith(b'{"b"'), data
    body = b'{"operation": "create", "metadata": {"fileName": "f"}, "data": {"n": 1.000, "big": 9007199254740993 }}'
    assert files.invoke("files", body).status == 200
    assert (root / "f").read_bytes() == b'{"n":1.000,"big":9007199254740993}'


def test_binary_goes_both_ways(files, root):
    content = bytes(range(256)) * 3
    assert call(files, "create", base64.b64encode(content).decode(), fileName="f", decodeBase64=True).status == 200
    assert (root / "f").read_bytes() == content
    assert call(files, "get", fileName="f").body == content
    assert base64.b64decode(call(files, "get", fileName="f", encodeBase64=True).body) == content


def test_a_large_file_is_read_in_parts(start_host, root):
    host = start_host(component("files", TYPE, {"rootPath": root, "maxFileSize": "1Mi"})).outbound_ready()
    root.mkdir(exist_ok=True)
    content = os.urandom(3 << 20) + b"end"
    (root / "large").write_bytes(content)
    whole = call(host, "get", fileName="large")
    assert whole.headers["cleat-status"] == "TOO_LARGE" and "offset" in whole.text
    got = b""
    while True:
        part = call(host, "get", fileName="large", offset=len(got), length=1 << 20)
        assert part.status == 200 and part.headers["metadata.filesize"] == str(len(content))
        if not part.body:
            break
        got += part.body
    assert got == content


def test_no_name_leads_out(files, root, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (root / "up").symlink_to(tmp_path)
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "chain").symlink_to("up/secret")
    before = snapshot(tmp_path)
    for name in ["../secret", "/../secret", str(tmp_path / "secret"), "up/secret", "up/../../secret", "file", "chain", "a/../../secret",
                 "/proc/self/environ", "/etc/passwd"]:
        assert call(files, "get", fileName=name).status == 500, name
        assert call(files, "list", fileName=name).status == 500, name
    assert call(files, "list", fileName="up").status == 500
    for name in ["up/new", "../new", "/etc/cleat-test"]:
        call(files, "create", "x", fileName=name)
        call(files, "delete", fileName="up/secret")
    after = snapshot(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) == {"files/new", "files/etc/cleat-test"} and not pathlib.Path("/etc/cleat-test").exists()


def test_odd_things_in_the_folder(files, root):
    os.mkfifo(root / "pipe")
    (root / "odd \n name").write_text("x")
    with open(os.fsencode(root) + b"/\xff\xfe", "wb"):
        pass
    for name in ["pipe", ""]:
        assert call(files, "get", fileName=name).headers["cleat-status"] == "INVALID"
    assert call(files, "get", fileName="odd \n name").body == b"x"
    assert call(files, "list").json() == ["odd \n name", "pipe", "\ufffd\ufffd"]
    for name in ["n" * 300, "a\0b", "d/" * 2500 + "f"]:
        assert call(files, "create", "x", fileName=name).headers["cleat-status"] == "INVALID"
    assert len(list(root.iterdir())) == 3


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 KiB; root may make one."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, b"size=256k") == 0
    if not mounted and os.geteuid() == 0:
        pytest.fail(f"root could not mount: {os.strerror(ctypes.get_errno())}")
    yield place if mounted else None
    if mounted:
        libc.umount2(os.fsencode(place), 2)


def test_a_full_disk_leaves_the_old_file_whole(start_host, tiny_disk):
    if tiny_disk is None:
        return  # tests/plugins plays a full disk with a bound on the size of a file
    host = start_host(component("files", TYPE, {"rootPath": tiny_disk})).outbound_ready()
    assert call(host, "create", "o" * 100_000, fileName="file").status == 200
    reply = call(host, "create", "n" * 200_000, fileName="file")
    assert reply.status == 500 and reply.headers["cleat-status"] == "UNAVAILABLE" and "No space left" in reply.text
    assert snapshot(tiny_disk) == {"file": b"o" * 100_000}, "and nothing is left behind"
    assert call(host, "create", "n" * 100_000, fileName="file").status == 200
    assert snapshot(tiny_disk) == {"file": b"n" * 100_000}


def test_a_kill_leaves_the_old_file_or_the_new_one(start_host, root):
    size = 500_000
    for round_ in range(5):
        host = start_host(component("files", TYPE, {"rootPath": root})).outbound_ready()
        written = threading.Event()

        def write(host=host, written=written):
            try:
                for letter in "abcdefghij" * 100:
                    if call(host, "create", letter * size, fileName="file").status != 200:
                        return
                    written.set()
            except OSError:
                pass  # killed

        writer = threading.Thread(target=write)
        writer.start()
        assert written.wait(30)
        host.signal(signal.SIGKILL)
        writer.join(30)
        host.kill()
        content = (root / "file").read_bytes()
        assert len(content) == size and len(set(content)) == 1, f"round {round_}"
    host = start_host(component("files", TYPE, {"rootPath": root})).outbound_ready()
    assert call(host, "list").json() == ["file"]


def test_readers_see_whole_files_while_they_are_replaced(files):
    size = 100_000
    assert call(files, "create", "a" * size, fileName="file").status == 200
    stop = threading.Event()

    def replace():
        for letter in "bcdef" * 8:
            assert call(files, "create", letter * size, fileName="file").status == 200
        stop.set()

    writer = threading.Thread(target=replace)
    writer.start()
    while not stop.is_set() and writer.is_alive():
        body = call(files, "get", fileName="file").body
        assert len(body) == size and len(set(body)) == 1
        assert call(files, "list").json() == ["file"]
    writer.join(30)
    assert stop.is_set()


def test_strict_dapr_guesses_and_lists_absolute_names(start_host, root):
    host = start_host(component("files", TYPE, {"rootPath": root}), options=["--strict-dapr"]).outbound_ready()
    assert call(host, "list").body == b"null"
    assert call(host, "create", "test", fileName="f").status == 200
    assert (root / "f").read_bytes() == base64.b64decode("test")
    assert call(host, "list").json() == [str(root / "f")]


@pytest.mark.parametrize("path, words", [("/proc/self", "disallowed location"), ("", "rootPath"), (__file__, "represents a file"),
                                         ("/proc/../sys/kernel", "disallowed location")])
def test_a_root_that_cannot_be(start_host, path, words):
    host = start_host(component("files", TYPE, {"rootPath": path}), component("other", "bindings.null")).outbound_ready()
    state = host.wait_for_state("files", lambda state: state.get("state") == "failed", "failed")
    assert "rootPath" in state["reason"] and words in state["reason"]
