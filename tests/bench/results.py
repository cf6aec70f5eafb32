"""What a run of the benchmarks has found: kept as JSON, printed as tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.bench.bench import ROOT

LAST = ROOT / "bench.json"
"""The last run; git ignores it."""
RECORD = Path(__file__).with_name("record.json")
"""The run whose figures docs/benchmarks.md has."""

Rows = Mapping[str, Mapping[str, float]]
"""What a measurement returns: the name of a row → a column → its figure."""


class Column(msgspec.Struct, frozen=True):
    """What the figures of a column are.

    Attributes:
        heading: What the column is called, with its unit.
        higher: Whether a higher figure is better.
    """

    heading: str
    higher: bool = False


COLUMNS = {
    "rate": Column("per second", higher=True),
    "cpu": Column("CPU µs"),
    "p50": Column("p50 ms"),
    "p99": Column("p99 ms"),
    "max": Column("max ms"),
    "figure": Column("figure"),
}


class Group(msgspec.Struct):
    """Measurements of one kind.

    Attributes:
        title: What is measured.
        compared: The column whose ratio to the first row is shown, and drawn; "" if rows are not compared.
        rows: The name of a row → a column → its figure in each run.
    """

    title: str
    compared: str = ""
    rows: dict[str, dict[str, list[float]]] = msgspec.field(default_factory=dict)

    def add(self, found: Rows) -> None:
        """Add the figures of one run."""
        for name, figures in found.items():
            row = self.rows.setdefault(name, {})
            for column, figure in figures.items():
                row.setdefault(column, []).append(figure)

    def columns(self) -> list[str]:
        """Return the columns that any row has."""
        return [name for name in COLUMNS if any(name in row for row in self.rows.values())]

    def runs(self, name: str) -> str:
        """Return what each run has found for a row: its figures of the column that is compared, or the first it has."""
        row = self.rows[name]
        column = self.compared or next(column for column in COLUMNS if column in row)
        return " · ".join(map(shown, row[column]))

    def cells(self, name: str) -> list[str]:
        """Return the medians of a row, and its ratio to the first if they are compared."""
        row = self.rows[name]
        cells = [shown(statistics.median(row[column])) if column in row else "" for column in self.columns()]
        return [*cells, f"{self.ratio(name):.2f}"] if self.compared else cells

    def headings(self) -> list[str]:
        """Return the headings of `cells`."""
        return [*(COLUMNS[name].heading for name in self.columns()), *(["ratio"] if self.compared else [])]

    def ratio(self, name: str) -> float:
        """Return how many times as good the first row is as another."""
        first = next(iter(self.rows.values()))
        ours, theirs = statistics.median(first[self.compared]), statistics.median(self.rows[name][self.compared])
        return ours / theirs if COLUMNS[self.compared].higher else theirs / ours


class Results(msgspec.Struct):
    """A run.

    Attributes:
        machine: The machine.
        date: The day, as YYYY-MM-DD.
        versions: A program → its version.
        complete: Whether all groups were measured in full, the peers among them.
        groups: The name of a group → what has been found.
    """

    machine: str
    date: str
    versions: dict[str, str]
    complete: bool
    groups: dict[str, Group] = msgspec.field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` has written."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


def shown(figure: float) -> str:
    """Return a figure with three digits that count."""
    if figure >= 100 or figure == 0:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def table(group: Group) -> str:
    """Return a group as text, in at most 100 columns."""
    width = max(len(name) for name in group.rows)
    headings = "".join(f"{heading.replace('second', 's'):>8}" for heading in group.headings())
    lines = [group.title, f"  {'':<{width}}{headings}  runs"]
    for name in group.rows:
        cells = "".join(f"{cell:>8}" for cell in group.cells(name))
        lines.append(f"  {name:<{width}}{cells}  {group.runs(name).replace(' · ', ' ')}")
    return "\n".join(lines)
