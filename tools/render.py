"""What commands print: tables and text for people, JSON for scripts. Stored text can do nothing to a terminal."""

from __future__ import annotations

import base64
import json
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from rich.table import Table

# Controls, ANSI escapes, bidirectional overrides, invisible marks, lone surrogates, line separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # invisible too, but Persian and many emoji are made with them


def visible(text: str) -> str:
    """The text on one line, with everything that could move, hide or colour other text made visible: \\x1b, \\n."""
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _UNSEEN and char not in _JOINERS
        else char
        for char in text
    )


def block(text: str, indent: str = "") -> str:
    """The text on as many lines as it has, each of them `visible` and indented."""
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return "\n".join(f"{indent}{visible(line)}".rstrip() for line in lines)


def when(at: int) -> str:
    """A time in ms as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1000)) if at else "-"


def duration(ms: int) -> str:
    """How long: "350 ms", "4.2 s", "75 s", "3 min", "5 h", "2 d"."""
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
    """How long before `now` (both ms)."""
    return f"{duration(max(0, now - at))} ago" if at else "-"


def plain(value: Any) -> Any:
    """A struct as plain data with all of its fields, the ones that have their default too."""
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
    """Print one JSON document, in ASCII: what is stored cannot reach a terminal through it either."""
    click.echo(json.dumps(plain(value), indent=indent))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, long: str = "") -> Table:
    """A table for people. Numbers stand on the right; where a terminal is narrow, first the column `long` gives way."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    found = [list(row) for row in rows]
    cells = [[visible(str(cell)) for cell in row] for row in found]
    widths = [max(map(cell_len, column)) + 2 for column in zip(columns, *cells, strict=True)]
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        if column == long:
            room = shutil.get_terminal_size().columns - sum(widths) + widths[number]
            limit = max(12, room) if sys.stdout.isatty() else None
            made.add_column(column, no_wrap=True, overflow="ellipsis", max_width=limit)
        else:
            numbers = bool(found) and all(isinstance(row[number], int) for row in found)
            # The first column names the row: it is folded rather than cut.
            made.add_column(column, justify="right" if numbers else "left", no_wrap=number > 0, overflow="fold")
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def show(made: Table) -> None:
    """Print a table: in colour and as wide as the terminal, or plain and whole into a pipe."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False).print(made)
        return
    console = Console(highlight=False, width=100_000, color_system=None)
    with console.capture() as capture:
        console.print(made)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())
