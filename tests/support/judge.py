"""Judges a ledger: which events are missing, which came twice and whether a fault explains it, which came out of order.

Between the lines of the application stand marks, `! {JSON}`, which the driver writes at both edges of a fault:
{"fault": ID, "edge": "begin" or "end", "name": TEXT, "explains": HOW, "position": {LANE: NUMBER}}. HOW says which events may come
again because of it:

nothing   none: the fault delays or refuses, but every answer arrives
running   the last one of each lane before the fault (the one whose answer may be lost), and what was taken during it, if it
          comes again before another one of its lane
position  what the source had not been told is done: numbers from the position of their lane on, and what was taken during it

usage: python -m support.judge LEDGER EVENTS [NUMBER-DECIDED-ELSEWHERE]..."""

import json
import pathlib
import sys
from collections import defaultdict
from dataclasses import dataclass, field

TAKEN = ("200", "cut")


@dataclass
class Window:
    """A fault as it stands in the ledger: lines from `begin` to `end`; one without an end lasts."""
    name: str
    explains: str
    begin: int
    end: float = float("inf")
    position: dict = field(default_factory=dict)


@dataclass
class Attempt:
    line: int
    number: int
    lane: int
    answer: str


@dataclass
class Verdict:
    events: int
    faults: int
    missing: list
    unknown: list  # were never sent, or were taken although they are decided elsewhere
    explained: dict  # name of a fault: how many duplicates it explains
    unexplained: list  # sentences
    disorder: list  # sentences

    def ok(self):
        return not (self.missing or self.unknown or self.unexplained or self.disorder)

    def __str__(self):
        reasons = ", ".join(f"{name} {count}" for name, count in sorted(self.explained.items()))
        lines = [f"{self.events} events, {self.faults} faults: {len(self.missing)} missing, {len(self.unknown)} that must not be there, "
                 f"{sum(self.explained.values())} duplicates that a fault explains{f' ({reasons})' if reasons else ''}, "
                 f"{len(self.unexplained)} that none does, {len(self.disorder)} out of order"]
        if self.missing:
            lines.append(f"missing: {_some(self.missing)}")
        if self.unknown:
            lines.append(f"must not be there: {_some(self.unknown)}")
        return "\n".join(lines + _first(self.unexplained) + _first(self.disorder))


def _some(numbers):
    return ", ".join(map(str, numbers[:20])) + (f" and {len(numbers) - 20} more" if len(numbers) > 20 else "")


def _first(sentences):
    return sentences[:20] + ([f"and {len(sentences) - 20} more of these"] if len(sentences) > 20 else [])


class Ledger:
    def __init__(self, attempts, windows):
        self.attempts, self.windows = attempts, windows

    @classmethod
    def read(cls, path):
        attempts, windows = [], {}
        for at, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
            if line.startswith("! "):
                cls._mark(windows, json.loads(line[2:]), at)
            else:
                number, lane, answer = line.split()
                attempts.append(Attempt(at, int(number), int(lane), answer))
        return cls(attempts, list(windows.values()))

    @staticmethod
    def _mark(windows, mark, at):
        if mark["edge"] == "begin":
            windows[mark["fault"]] = Window(mark["name"], mark["explains"], at)
        else:
            windows[mark["fault"]].end = at
        position = mark.get("position")
        if position is not None:
            windows[mark["fault"]].position = {int(lane): number for lane, number in position.items()}

    def judge(self, events, elsewhere=(), lane_limit=1):
        """`events` numbers from 1 on were sent, those of `elsewhere` are done without having been taken (dead letters).
        `lane_limit`: how many events of a lane are with the application at a time."""
        coming = defaultdict(list)  # number: the attempts that took it
        by_lane = defaultdict(list)
        for attempt in self.attempts:
            if attempt.answer in TAKEN:
                coming[attempt.number].append(attempt)
                by_lane[attempt.lane].append(attempt)
        wanted = set(range(1, events + 1))
        explained, unexplained = self._duplicates(coming, by_lane, lane_limit)
        return Verdict(events, len(self.windows), sorted(wanted - set(coming) - set(elsewhere)), sorted(set(coming) - wanted),
                       explained, unexplained, self._disorder(by_lane) if lane_limit == 1 else [])

    def _duplicates(self, coming, by_lane, lane_limit):
        last = {}  # (window, lane): the line from which on an event may have been running when the window began
        for lane, attempts in by_lane.items():
            lines = [attempt.line for attempt in attempts]
            for window in self.windows:
                before = [line for line in lines if line < window.begin][-lane_limit:]
                last[id(window), lane] = before[0] if before else window.begin
        explained, unexplained = defaultdict(int), []
        place = {attempt.line: at for attempts in by_lane.values() for at, attempt in enumerate(attempts)}
        for attempts in coming.values():
            for first, second in zip(attempts, attempts[1:]):
                at_once = lane_limit > 1 or place[second.line] == place[first.line] + 1
                name = self._explanation(first, second, last, at_once)
                if name is None:
                    unexplained.append(f"{first.number} of lane {first.lane} was taken in line {first.line} and again in line "
                                       f"{second.line}, and no fault explains that")
                else:
                    explained[name] += 1
        return dict(explained), unexplained

    def _explanation(self, first, second, last, at_once):
        if first.answer == "cut" and at_once:
            return "answer cut"
        for window in reversed(self.windows):
            if window.explains == "nothing" or not (first.line < window.end and second.line > window.begin):
                continue
            if first.line >= last[id(window), first.lane] and (at_once or window.explains == "position"):
                return window.name
            if window.explains == "position" and first.number >= window.position.get(first.lane, 0):
                return window.name
        return None

    @staticmethod
    def _disorder(by_lane):
        sentences = []
        for lane, attempts in sorted(by_lane.items()):
            most, known = 0, set()
            for attempt in attempts:
                if attempt.number < most and attempt.number not in known:
                    sentences.append(f"{attempt.number} of lane {lane} came for the first time in line {attempt.line}, after {most} had come")
                known.add(attempt.number)
                most = max(most, attempt.number)
        return sentences


def main():
    path, events, *elsewhere = sys.argv[1:]
    verdict = Ledger.read(path).judge(int(events), set(map(int, elsewhere)))
    print(verdict)
    return 0 if verdict.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
