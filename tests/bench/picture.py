"""The picture of docs/benchmarks.md: bars, the best first, ours highlighted, on light and on dark pages."""

from __future__ import annotations

import statistics
from html import escape
from typing import NamedTuple

from tests.bench.results import COLUMNS, Group, Results, shown

WIDTH = 800
_BARS, _LONGEST = 262, 430
"""Where bars begin, and the length of the longest."""
_ROW, _BAR = 24, 16
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


class Colours(NamedTuple):
    """The colours of a picture. `variant` is for ours in other circumstances, `baseline` for what stores nothing."""

    paper: str
    ink: str
    faint: str
    ours: str
    variant: str
    peer: str
    baseline: str


LIGHT = Colours("#ffffff", "#1f2328", "#59636e", "#0969da", "#8dbdf2", "#a5b0bd", "#dfe4ea")
DARK = Colours("#0d1117", "#e6edf3", "#9198a1", "#4493f8", "#26558f", "#5d6876", "#373e47")


def svg(results: Results, colours: Colours) -> str:
    """Draw the groups whose rows are compared."""
    y = 14
    parts = []
    for group in results.groups.values():
        if group.compared:
            drawn, y = _panel(group, colours, y)
            parts += drawn
    about, y = _about(results, colours, y + 14)
    height = y + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" font-family="{_FONT}"',
            f' width="{WIDTH}" height="{height}">',
            "<title>The benchmarks of Answerback, with the same work by other programs</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="{colours.paper}"/>',
            *parts,
            *about,
            "</svg>\n",
        ]
    )


def _panel(group: Group, colours: Colours, y: int) -> tuple[list[str], int]:
    """Draw a group at this height. Return it, and the height of its end."""
    column = COLUMNS[group.compared]
    first = next(iter(group.rows))
    rows = {name: statistics.median(row[group.compared]) for name, row in group.rows.items() if group.compared in row}
    best = sorted(rows.items(), key=lambda row: row[1], reverse=column.higher)
    longest = max(rows.values())
    better = "more is better" if column.higher else "less is better"
    y += 26
    parts = [
        _text(20, y, group.title, colours.ink, 'font-size="14" font-weight="600"'),
        _text(20, y + 17, f"{column.heading}, {better}", colours.faint, 'font-size="12"'),
    ]
    y += 28
    for name, figure in best:
        if name == first:
            colour, weight = colours.ours, 'font-weight="600"'
        elif name.startswith("Answerback"):
            colour, weight = colours.variant, ""
        else:
            colour, weight = colours.baseline if "stores nothing" in name else colours.peer, ""
        length = max(2.0, figure / longest * _LONGEST)
        middle = y + _BAR - 4
        parts += [
            _text(_BARS - 10, middle, name, colours.ink, f'font-size="12.5" text-anchor="end" {weight}'),
            f'<rect x="{_BARS}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>',
            _text(_BARS + length + 8, middle, shown(figure), colours.ink, f'font-size="12.5" {weight}'),
        ]
        y += _ROW
    return parts, y


def _about(results: Results, colours: Colours, y: int) -> tuple[list[str], int]:
    """Name the machine and the versions, in lines that fit."""
    words = [f"{name} {version}" for name, version in results.versions.items()]
    lines = [f"{results.machine}, {results.date}. Medians of interleaved runs; versions:"]
    line = ""
    for word in words:
        if len(line) + len(word) > 125:
            lines.append(line)
            line = ""
        line += (", " if line else "") + word
    lines.append(line)
    parts = [
        _text(20, y + 16 * number, line, colours.faint, 'font-size="11.5"') for number, line in enumerate(lines, 1)
    ]
    return parts, y + 16 * len(lines)


def _text(x: float, y: float, text: str, colour: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {style.strip()}>{escape(text)}</text>'
