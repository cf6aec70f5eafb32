"""Command output: tables and text for people, JSON for scripts. Stored text cannot control the terminal."""

from __future__ import annotations

import base64
import json
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import RenderableType

GAP = 2
"""Spaces between two columns."""
LEAST = 12
"""Minimum width, in characters, of a truncated column."""

# Control characters, ANSI escapes, bidirectional overrides, invisible marks, lone surrogates, line separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # invisible too, but Persian and many emoji need them


def visible(text: str) -> str:
    """Return the text on one line; characters that could move, hide or colour other text are escaped: \\x1b, \\n."""
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _UNSEEN and char not in _JOINERS
        else char
        for char in text
    )


def block(text: str, indent: str = "") -> str:
    """Return the text with its line breaks kept; each line is `visible` and indented."""
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return "\n".join(f"{indent}{visible(line)}".rstrip() for line in lines)


def when(at: int) -> str:
    """Return a Unix time in ms as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1000)) if at else "-"


def duration(ms: int) -> str:
    """Return a duration in ms as text: "350 ms", "4.2 s", "75 s", "3 min", "5 h", "2 d"."""
    seconds = ms / 1000
    if seconds < 1:
        return f"{ms} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def ago(at: int, now: int) -> str:
    """Return how long `at` was before `now` (both in ms)."""
    return f"{duration(max(0, now - at))} ago" if at else "-"


def plain(value: Any) -> Any:
    """Return a struct as plain data, including fields that have their default value."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        try:
            return json.loads(value) if value else None
        except ValueError:
            return base64.b64encode(value).decode()
    return value


def document(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON document in ASCII, so that stored text cannot control the terminal."""
    click.echo(json.dumps(plain(value), indent=indent))


class Table:
    """A table whose cells do not wrap; numbers are right-aligned. In a pipe it is plain and whole.

    On a narrow terminal the column `long` is truncated. If that is not enough, each row becomes a paragraph that
    starts with its first cell.
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[object]], long: str) -> None:
        values = [list(row) for row in rows]
        self._columns, self._long = columns, long
        self._cells = [[visible(str(cell)) for cell in row] for row in values]
        self._numeric = [
            bool(values) and all(isinstance(row[number], int) for row in values) for number in range(len(columns))
        ]
        self._widths = [max(map(_width, column)) for column in zip(columns, *self._cells, strict=True)]

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table in a pipe."""
        for row in (self._columns, *self._cells):
            padded = []
            for cell, width, numeric in zip(row, self._widths, self._numeric, strict=True):
                padding = " " * (width - _width(cell))
                padded.append(padding + cell if numeric else cell + padding)
            yield (" " * GAP).join(padded).rstrip()

    def __rich__(self) -> RenderableType:
        """Return the table on a terminal. Loads rich, which takes as long as a command."""
        from rich.table import Table as RichTable
        from rich.text import Text

        width = shutil.get_terminal_size().columns
        spare = width - sum(self._widths) - GAP * (len(self._widths) - 1)
        longest = self._widths[self._columns.index(self._long)] if self._long else 0
        if spare < 0 and longest + spare < LEAST:
            return _paragraphs(self._columns, self._cells, width)
        made = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        for column, numeric in zip(self._columns, self._numeric, strict=True):
            limit = longest + min(spare, 0) if self._long and column == self._long else None
            made.add_column(
                column, justify="right" if numeric else "left", no_wrap=True, overflow="ellipsis", max_width=limit
            )
        for row in self._cells:
            made.add_row(*map(Text, row))
        return made


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, long: str = "") -> Table:
    """Return a table of these rows. See `Table`."""
    return Table(columns, rows, long)


def _paragraphs(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> RenderableType:
    """Render rows as paragraphs: the first cell on its own line, then as many "column cell" pairs per line as fit."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for first, *others in cells:
        lines.append(Text(first, style="bold", overflow="fold"))
        line = Text(overflow="fold")
        for column, cell in zip(columns[1:], others, strict=True):
            if line and line.cell_len + _width(f"  {column} {cell}") > width - GAP:
                lines.append(Padding(line, (0, 0, 0, GAP)))
                line = Text(overflow="fold")
            if cell:
                line.append("  " if line else "").append(f"{column} ", style="dim").append(cell)
        lines.append(Padding(line, (0, 0, 0, GAP)))
    return Group(*lines)


def show(made: Table) -> None:
    """Print a table: in colour and as wide as the terminal, or plain and untruncated into a pipe."""
    if not sys.stdout.isatty():
        for line in made.lines():
            click.echo(line)
        return
    from rich.console import Console

    Console(highlight=False).print(made)
