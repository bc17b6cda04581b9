"""Adds up what the runners reported in a folder and prints the closing line of scripts/test."""

import json
import os
import pathlib
import sys
import xml.etree.ElementTree as xml


def counts_of(report):
    """(passed, failed, skipped) of one JUnit report, with the names of what failed or was skipped."""
    passed = failed = skipped = 0
    notes = []
    for case in xml.parse(report).getroot().iter("testcase"):
        name = f"{report.stem}: {case.get('classname') or ''} {case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            notes.append("failed   " + name)
        elif case.find("skipped") is not None:
            skipped += 1
            notes.append(f"skipped  {name}: {case.find('skipped').get('message') or 'no reason given'}")
        else:
            passed += 1
    return passed, failed, skipped, notes


def main():
    folder = pathlib.Path(sys.argv[1])
    reports = {}
    notes = []
    for report in sorted(folder.glob("*.xml")):
        *counts, more = counts_of(report)
        reports[report.stem] = counts
        notes += more
    passed, failed, skipped = (sum(counts[at] for counts in reports.values()) for at in range(3))
    for file in sorted(folder.glob("*.json")):
        step = json.loads(file.read_text())
        if step["code"] == 0:
            passed += step["kind"] == "check"
        elif reports.get(step["kind"], [0, 0, 0])[1] == 0:
            # A runner that died, or a build: no failed case says so, the step itself is what failed.
            failed += 1
            notes.append(f"failed   {step['name']} (exit code {step['code']})")
    print("\n".join(notes + [f"{passed} passed, {failed} failed, {skipped} skipped"]))
    return 1 if failed or (skipped and os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main())
