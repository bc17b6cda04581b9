"""Rows with their goals, the table, and the JSON."""
from dataclasses import asdict, dataclass, field

from processes import Sample


@dataclass
class Goal:
    """`times` the floor's CPU plus `plus` µs; or, for rows of one value, `at_most` in its own unit."""
    times: float = 1.0
    plus: float = 0.0
    at_most: float | None = None

    def limit(self, floor: float) -> float:
        return self.at_most if self.at_most is not None else self.times * floor + self.plus

    def text(self) -> str:
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f"<= floor + {self.plus:g}" if self.plus else f"<= {self.times:.3g} x"


@dataclass
class CostRow:
    """An operation: CPU of the product beside that of its floor, both from the same run."""
    name: str
    what: str
    product: Sample
    floor: Sample
    goal: Goal | None
    rounds: dict = field(default_factory=dict)

    def met(self) -> bool | None:
        return None if self.goal is None else self.product.cpu_us <= self.goal.limit(self.floor.cpu_us)

    def cells(self) -> list[str]:
        product, floor = self.product, self.floor
        return [self.name, f"{product.rate:,.0f}", f"{product.p50_us:,.0f}", f"{product.p99_us:,.0f}", f"{product.cpu_us:.1f}",
                f"{floor.rate:,.0f}", f"{floor.p99_us:,.0f}", f"{floor.cpu_us:.1f}",
                f"{product.cpu_us / max(floor.cpu_us, 0.01):.2f}", *verdict(self, product.cpu_us, floor.cpu_us, "µs")]

    HEAD = ["operation", "rate/s", "p50 µs", "p99 µs", "CPU µs", "floor/s", "its p99", "its CPU", "ratio", "goal (CPU)", "verdict"]


@dataclass
class ValueRow:
    """One value, such as the time to start."""
    name: str
    what: str
    unit: str
    product: float
    floor: float
    goal: Goal | None
    rounds: dict = field(default_factory=dict)

    def met(self) -> bool | None:
        return None if self.goal is None else self.product <= self.goal.limit(self.floor)

    def cells(self) -> list[str]:
        return [self.name, self.unit, f"{self.product:.2f}", f"{self.floor:.2f}",
                *verdict(self, self.product, self.floor, self.unit)]

    HEAD = ["value", "unit", "product", "floor", "goal", "verdict"]


def verdict(row, value: float, floor: float, unit: str) -> list[str]:
    if row.goal is None:
        return ["-", "-"]
    over = value - row.goal.limit(floor)
    return [row.goal.text(), "met" if row.met() else f"MISSED by {over:.1f} {unit}"]


def table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(line[at]) for line in [head, *rows]) for at in range(len(head))]
    def text(line):
        cells = [cell.ljust(width) if at == 0 or at >= len(head) - 2 else cell.rjust(width)
                 for at, (cell, width) in enumerate(zip(line, widths))]
        return "  ".join(cells).rstrip()
    return "\n".join([text(head), text(["-" * width for width in widths]), *map(text, rows)])


def tables(rows: list) -> str:
    parts = []
    for kind in (CostRow, ValueRow):
        cells = [row.cells() for row in rows if isinstance(row, kind)]
        if cells:
            parts.append(table(kind.HEAD, cells))
    return "\n\n".join(parts)


def as_json(rows: list, machine: dict) -> dict:
    return {"machine": machine,
            "rows": [{**asdict(row), "limit": row.goal and row.goal.limit(
                row.floor.cpu_us if isinstance(row, CostRow) else row.floor), "met": row.met()} for row in rows]}
