"""scripts/inventory on a copy of what it reads: it writes what the manifests say, says what is not so, and touches nothing else."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    """A copy of the plugins' papers, with the script in it."""
    for pattern in ["scripts/inventory", "scripts/librdkafka", "scripts/hiredis", "scripts/lib/brokers/*", "schemas/*.json", "plugins/README.md",
                    "plugins/*/README.md", "plugins/*/manifest.json", "plugins/*/meson.build", "tests/conformance/cases/*.py"]:
        for path in ROOT.glob(pattern):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return tmp_path


def run(tree, *arguments):
    done = subprocess.run([sys.executable, tree / "scripts/inventory", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def change(tree, plugin, edit):
    path = tree / "plugins" / plugin / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def texts(tree):
    return {path: path.read_text() for path in (tree / "plugins").rglob("README.md")}


def field(manifest):
    return manifest["types"][0]["fields"][0]


def test_what_is_checked_in_is_what_the_manifests_say(tree):
    before = texts(tree)
    assert run(tree, "--check") == (0, "")
    assert run(tree) == (0, "")
    assert texts(tree) == before


def test_a_change_is_noticed_and_written(tree):
    before = texts(tree)
    readme = tree / "plugins/cron/README.md"

    def edit(manifest):
        field(manifest).update(help="a | b <zone> *.*", aliases=["when"], sensitive=True)
        manifest["types"][0]["guarantee"] = "in: changed"
    change(tree, "cron", edit)
    code, said = run(tree, "--check")
    assert code == 1 and said.splitlines() == ["plugins/README.md: not what the manifests say, run scripts/inventory",
                                               "plugins/cron/README.md: not what the manifests say, run scripts/inventory"]
    assert texts(tree) == before, "--check writes nothing"
    assert run(tree) == (0, "")
    row = next(line for line in readme.read_text().splitlines() if line.startswith("| `schedule`"))
    assert row == r"| `schedule` | string | required | input | a \| b \<zone> \*.\* Also `when`. Secret. |"
    assert "| in: changed |" in (tree / "plugins/README.md").read_text()
    assert run(tree, "--check") == (0, "")
    changed = {path for path, text in texts(tree).items() if before[path] != text}
    assert changed == {readme, tree / "plugins/README.md"}
    assert readme.read_text().split("<!-- fields")[0] == before[readme].split("<!-- fields")[0], "what people wrote stays"


def test_a_readme_without_its_place_is_an_error(tree):
    path = tree / "plugins/cron/README.md"
    path.write_text("# bindings.cron\n")
    code, said = run(tree)
    assert code != 0 and "plugins/cron/README.md" in said and "<!-- fields" in said
    assert path.read_text() == "# bindings.cron\n"


@pytest.mark.parametrize("edit, words", [
    (lambda manifest: field(manifest).update(requierd=True), ["cron/manifest.json", "schedule", "'requierd'"]),
    (lambda manifest: manifest.update(clients="x"), ["cron/manifest.json", "'clients'"]),
    (lambda manifest: manifest["types"][0].update(blockng=True), ["cron/manifest.json", "'blockng'"]),
])
def test_a_misspelt_member_is_named(tree, edit, words):
    change(tree, "cron", edit)
    code, said = run(tree, "--check")
    assert code == 1 and all(word in said for word in words), said


def test_a_client_of_another_version_than_the_one_that_is_built_is_named(tree):
    change(tree, "redis", lambda manifest: manifest.update(client="hiredis 0.14"))
    code, said = run(tree)
    assert code == 1 and "redis/manifest.json" in said and "hiredis 0.14" in said


def test_an_unknown_argument_is_refused(tree):
    before = texts(tree)
    code, said = run(tree, "--chek")
    assert code != 0 and "usage" in said
    assert texts(tree) == before
