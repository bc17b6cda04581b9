"""Writes the rules of tests/faults/rules.txt as a table into tests/faults/README.md, or with --check says whether they are there, and the text of
each is where it is to be switched off."""

import pathlib
import sys

from switch_off import read_rules

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RULES, README = ROOT / "tests/faults/rules.txt", ROOT / "tests/faults/README.md"
BEGIN, END = "<!-- rules: written by scripts/lib/rules_table.py -->\n", "<!-- end of rules -->"


def table():
    rows = [f"| {rule.section} | {rule.text} | `{rule.test}` |\n" for rule in read_rules(RULES)]
    return "| section | rule | test |\n|---|---|---|\n" + "".join(rows)


def main():
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{README}: the comments that enclose the table of rules are missing: {BEGIN.strip()} and {END}")
    written = before + begin + table() + end + after
    if "--check" not in sys.argv[1:]:
        README.write_text(written, encoding="utf-8")
        return
    for rule in read_rules(RULES):
        found = (ROOT / rule.file).read_text(encoding="utf-8").count(rule.kept)
        if found != 1:
            sys.exit(f"{RULES}:{rule.line}: the text of the rule stands {found} times in {rule.file}, expected once: {rule.kept}")
    if written != text:
        sys.exit(f"{README}: the table of rules is not that of rules.txt; run scripts/lib/rules_table.py")


if __name__ == "__main__":
    main()
