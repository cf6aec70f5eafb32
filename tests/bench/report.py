"""`python -m tests.bench.report`: make the figures of docs/benchmarks.md, and its pictures, from the record.

With `--record`, the last run becomes the record first: `make bench-record`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

from tests.bench.bench import ROOT
from tests.bench.picture import DARK, LIGHT, svg
from tests.bench.results import LAST, RECORD, Group, Results

PAGE = ROOT / "docs/benchmarks.md"
PICTURES = {"light": LIGHT, "dark": DARK}
_FIGURES = re.compile(r"(<!-- figures[^>]*-->\n).*(?=<!-- end of figures -->)", re.DOTALL)
_ALT = "Webhooks and turns per second, start of an idle worker, lateness of its event loop: ours and others"


def path(theme: str) -> Path:
    """Return the path of a picture."""
    return ROOT / f"docs/pictures/benchmarks-{theme}.svg"


def updated(page: str, results: Results) -> str:
    """Return the page with the figures of these results."""
    return _FIGURES.sub(lambda match: match[1] + figures(results), page)


def figures(results: Results) -> str:
    """Return the pictures and tables of results, as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    about = (
        f"{results.machine}, {results.date}. Figures are medians, with each run behind them. The ratio says how many "
        f"times as good the first row is. Versions: {versions}."
    )
    lines = [
        "",
        "<picture>",
        f'  <source media="(prefers-color-scheme: dark)" srcset="pictures/{path("dark").name}">',
        f'  <img alt="{_ALT}"',
        f'       src="pictures/{path("light").name}">',
        "</picture>",
        "",
        *textwrap.wrap(about, 118),
        "",
    ]
    for group in results.groups.values():
        lines += [f"### {group.title}", "", *_table(group), ""]
    return "\n".join(lines) + "\n"


def _table(group: Group) -> list[str]:
    headings = [*group.headings(), "runs"]
    return [
        f"| | {' | '.join(headings)} |",
        "|---|" + "---|" * len(headings),
        *(f"| {name} | {' | '.join([*group.cells(name), group.runs(name)])} |" for name in group.rows),
    ]


def main() -> None:
    """Write the page and the pictures."""
    if "--record" in sys.argv:
        if not LAST.exists():
            sys.exit(f"there is no {LAST.name}: run `make bench` first")
        last = Results.read(LAST)
        if not last.complete:
            sys.exit(f"{LAST.name} is not of a complete run: run `make bench` without ARGS")
        last.write(RECORD)
    if not RECORD.exists():
        sys.exit("no run has been recorded: run `make bench`, then `make bench-record`")
    results = Results.read(RECORD)
    PAGE.write_text(updated(PAGE.read_text(), results))
    for theme, colours in PICTURES.items():
        path(theme).write_text(svg(results, colours))


if __name__ == "__main__":
    main()
