"""Write docs/states.md from the state diagrams in answerback/store/threads/__init__.py: `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from answerback.store import threads

PAGE = Path(__file__).with_name("states.md")

INTRODUCTION = """\
# States

Made by `make docs` from the docstring of
[`answerback/store/threads/__init__.py`](../answerback/store/threads/__init__.py).

A thread, each of its events and each of its replies is always in one of a few states. Scripts in
[`answerback/store/lua/`](../answerback/store/lua) move them, each atomically. The last column names the test that
proves the arrow. [The glossary](glossary.md) explains the words, [Durability](durability.md) what the states achieve.
"""


class Arrow(NamedTuple):
    """A row of a table: what moves something from one state to another, when, and the test that proves it.

    `mover` is the name of a script, or "time".
    """

    number: str
    old: str
    new: str
    mover: str
    when: str
    test: str


class Diagram(NamedTuple):
    """A state diagram: its title, where the state is stored, its drawing and its arrows."""

    title: str
    place: str
    drawing: str
    arrows: list[Arrow]


def diagrams() -> list[Diagram]:
    """Return the diagrams of the docstring."""
    _, *parts = re.split(r"^(\w+): (.*)\n\n", threads.__doc__ or "", flags=re.MULTILINE)
    rows = re.compile(r"^ +(\d+)  (\w+) → (\w+) +(\S+)  +(.*)\n +(tests/\S+)$", re.MULTILINE)
    return [
        Diagram(title, place, text.partition("\n\n")[0], [Arrow(*row) for row in rows.findall(text)])
        for title, place, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def page() -> str:
    """Return the page."""
    blocks = [INTRODUCTION.strip()]
    for diagram in diagrams():
        blocks += [f"## {diagram.title}", f"Stored as {diagram.place}.", f"```text\n{diagram.drawing}\n```"]
        blocks.append("\n".join(_table(diagram.arrows)))
    return "\n\n".join(blocks) + "\n"


def _table(arrows: list[Arrow]) -> Iterator[str]:
    yield "| | | moved by | when | test |\n|---|---|---|---|---|"
    for arrow in arrows:
        mover = "time" if arrow.mover == "time" else f"[`{arrow.mover}`](../answerback/store/lua/{arrow.mover})"
        file, _, name = arrow.test.partition("::")
        test = f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"
        yield f"| {arrow.number} | {arrow.old} → {arrow.new} | {mover} | {arrow.when} | {test} |"


if __name__ == "__main__":
    PAGE.write_text(page())
