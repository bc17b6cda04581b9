"""Switches rules off one by one in a copy of the tree and expects each one's test to fail: what scripts/switch-off runs."""

import filecmp
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass

_USUAL_PROGRAM = "unit_delivery"
_TIME = 120


class Unseen(Exception):
    """Why it could not be seen that a test fails."""


@dataclass
class Rule:
    line: int
    section: str
    text: str
    test: str
    file: str
    kept: str
    off: str

    def __str__(self):
        return f"{self.section} {self.text}: {self.test}"


def read_rules(path):
    """Lines "section | rule | test | file ::: text ::: text with the rule switched off"."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        columns = line.split(" | ", 3)
        switch = columns[-1].split(" ::: ")
        if len(columns) != 4 or len(switch) != 3:
            sys.exit(f"{path}:{number}: expected SECTION | RULE | TEST | FILE ::: TEXT ::: OTHER TEXT, found {line}")
        yield Rule(number, *columns[:3], *switch)


def mirror(root, copy, names):
    """Makes the copy what the tree is, by content: a run that was killed left a rule switched off. What is equal keeps its time,
    so that it is not built again."""
    for name in names:
        place = root / name
        for source in [place] if place.is_file() else place.rglob("*"):
            target = copy / source.relative_to(root)
            if source.is_file() and not (target.exists() and filecmp.cmp(source, target, shallow=False)):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                shutil.copymode(source, target)


class Tree:
    """The copy and its build. Only what a rule's test runs is built."""

    def __init__(self, source, build):
        self.source, self.build = source, build
        info = build / "meson-info"
        self._targets = {target["id"]: [os.path.relpath(name, build) for name in target["filename"]]
                         for target in json.loads((info / "intro-targets.json").read_text())}
        self._programs = {pathlib.Path(test["cmd"][0]).name: test for test in json.loads((info / "intro-tests.json").read_text())}

    def _targets_of_program(self, program):
        """The program, and the targets that it opens."""
        test = self._programs[program]
        opened = [name for target in test["depends"] for name in self._targets.get(target, [])]
        return list(dict.fromkeys([os.path.relpath(test["cmd"][0], self.build), *opened]))

    def _targets_of_pytest(self, test):
        """The host, the plugins of the types that the test's file names, and those that are for tests only."""
        text = (self.source / "tests" / test.partition("::")[0]).read_text()
        named = {f"plugins/{name}.so" for name in re.findall(r"bindings\.\w+", text)} | {"plugins/bindings.null.so"}
        return ["cleat", *(name for names in self._targets.values() for name in names
                           if name in named or (name.startswith("tests/fakes/") and name.endswith(".so")))]

    def fails(self, test):
        """Whether the test fails in the tree as it is now. Tests are named "Suite.Name" of the tests of host/delivery,
        "PROGRAM:Suite.Name" of others, and "FILE.py::NAME" below tests/."""
        if ".py::" in test:
            self._build(self._targets_of_pytest(test))
            return self._pytest_fails(test)
        program, _, name = test.rpartition(":")
        program = program or _USUAL_PROGRAM
        if program not in self._programs:
            raise Unseen(f"there is no test program {program}")
        targets = self._targets_of_program(program)
        self._build(targets)
        return self._program_fails(self.build / targets[0], name)

    def _build(self, targets):
        built = subprocess.run(["ninja", "-C", self.build, *targets], capture_output=True, text=True)
        if built.returncode:
            raise Unseen("does not compile: " + next((line for line in built.stdout.splitlines() if "error" in line), built.stdout))

    def _program_fails(self, program, name):
        found = subprocess.run([program, f"--gtest_filter={name}", "--gtest_list_tests"], capture_output=True, text=True, cwd=self.build)
        if found.stdout.count("\n  ") != 1:
            raise Unseen("there is no such test")
        return self._run([program, f"--gtest_filter={name}", "--gtest_brief=1"], self.build) != 0

    def _pytest_fails(self, test):
        tests = self.source / "tests"
        code = self._run([sys.executable, "-m", "pytest", "-c", tests / "pytest.ini", "-q", f"--timeout={_TIME}", tests / test], tests)
        if code not in (0, 1):  # interrupted, misused, or nothing was found
            raise Unseen("there is no such test")
        return code == 1

    def _run(self, command, folder):
        environment = {**os.environ, "CLEAT_BUILD": str(self.build), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            return process.wait(timeout=_TIME + 30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return 1  # it hung, which is failing too


def switch_off(tree, rule):
    path = tree.source / rule.file
    before = path.read_text()
    if before.count(rule.kept) != 1:
        raise Unseen(f"the text is {before.count(rule.kept)} times in {rule.file}: {rule.kept}")
    path.write_text(before.replace(rule.kept, rule.off))
    try:
        if not tree.fails(rule.test):
            raise Unseen("the test passes all the same")
    finally:
        path.write_text(before)


def tests_fail_by_themselves(tree, rules):
    """Tests that fail with every rule on show nothing with one off."""
    broken = {}
    for test in dict.fromkeys(rule.test for rule in rules):
        try:
            if tree.fails(test):
                broken[test] = "the test fails with the rule on, too"
        except Unseen as why:
            broken[test] = str(why)
    return broken


def main():
    source, build, file, *words = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tree = Tree(pathlib.Path(source), pathlib.Path(build))
    rules = [rule for rule in read_rules(pathlib.Path(file))
             if not words or any(word in f"{rule.section} {rule.text} {rule.test} {rule.file}" for word in words)]
    rules.sort(key=lambda rule: (rule.test.rpartition(":")[0], rule.file))  # what is built for one serves the next
    broken = tests_fail_by_themselves(tree, rules)
    unseen = 0
    for rule in rules:
        why = broken.get(rule.test)
        try:
            if why is None:
                switch_off(tree, rule)
        except Unseen as trouble:
            why = str(trouble)
        unseen += why is not None
        print(f"fails  {rule}" if why is None else f"NOT SEEN FAILING  {file}:{rule.line}: {rule}: {why}", flush=True)
    print(f"{len(rules)} rules switched off, {unseen} not seen failing")
    return 1 if unseen or not rules else 0


if __name__ == "__main__":
    if sys.argv[1] == "--mirror":
        mirror(*map(pathlib.Path, sys.argv[2:4]), sys.argv[4:])
    else:
        sys.exit(main())
