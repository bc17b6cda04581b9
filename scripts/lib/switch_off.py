"""Switches rules off one by one in a copy of the tree and expects each one's test to fail: what scripts/switch-off runs."""

import pathlib
import subprocess
import sys

_UNIT = "tests/unit/delivery/unit_delivery"


def read_rules(path):
    """Lines "section | rule | test | file ::: line ::: line with the rule switched off"."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        section, rule, test, switch = line.split(" | ", 3)
        parts = switch.split(" ::: ")
        if len(parts) != 3:
            sys.exit(f"{path}:{number}: expected FILE ::: TEXT ::: OTHER TEXT, found {switch}")
        yield section, rule, test, *parts


def build(folder):
    return subprocess.run(["ninja", "-C", folder, _UNIT], capture_output=True, text=True)


def try_rule(tree, folder, test, file, text, other):
    """Nothing if the test failed as it should, otherwise why that could not be seen."""
    path = tree / file
    before = path.read_text()
    if before.count(text) != 1:
        return f"the text is {before.count(text)} times in {file}: {text}"
    path.write_text(before.replace(text, other))
    try:
        built = build(folder)
        if built.returncode:
            return "does not compile: " + next((line for line in built.stdout.splitlines() if "error" in line), "")
        run = subprocess.run([folder / _UNIT, f"--gtest_filter={test}", "--gtest_brief=1"], capture_output=True, text=True, timeout=120)
        if " 0 tests from " in run.stdout:
            return "there is no such test"
        return "the test passes all the same" if run.returncode == 0 else None
    except subprocess.TimeoutExpired:
        return None  # it hung, which is failing too
    finally:
        path.write_text(before)


def main():
    tree, folder, rules, *words = sys.argv[1:]
    tree, folder = pathlib.Path(tree), pathlib.Path(folder)
    built = build(folder)
    if built.returncode:
        sys.exit(built.stdout)
    seen = survived = 0
    for section, rule, test, file, text, other in read_rules(pathlib.Path(rules)):
        if words and not any(word in f"{section} {rule} {test} {file}" for word in words):
            continue
        seen += 1
        trouble = try_rule(tree, folder, test, file, text, other)
        survived += trouble is not None
        print(f"{'fails' if trouble is None else 'NOT SEEN FAILING'}  {section} {rule}: {test}{': ' + trouble if trouble else ''}", flush=True)
    print(f"{seen} rules switched off, {survived} not seen failing")
    return 1 if survived or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
