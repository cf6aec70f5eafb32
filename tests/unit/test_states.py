"""The state diagrams of the store name every script that moves something, and a test for every arrow."""

from __future__ import annotations

import re
import runpy
from itertools import groupby
from typing import Any

import pytest

from tests.forks import ROOT

STATES = runpy.run_path(str(ROOT / "docs/states.py"))
DIAGRAMS = STATES["diagrams"]()
ARROWS = [arrow for diagram in DIAGRAMS for arrow in diagram.arrows]
SCRIPTS = {file.name: file.read_text() for file in (ROOT / "answerback/store/lua").glob("*.lua")}
MOVED = {"ready", "due", "queue", "inbox", "outbox", "unsent"}
"""Keys in which a state is stored: a script that writes to one of them moves a thread, an event or a reply."""
STAYING = {"leave.lua", "arrive.lua"}
"""Scripts that move a thread to another partition, where it has the same state."""


def test_every_script_that_moves_something_is_in_a_diagram() -> None:
    moving = set()
    for name, text in SCRIPTS.items():
        header = " ".join(line[2:] for line in text.splitlines() if line.startswith("--"))
        declared = re.search(r"KEYS (.*?)(?:ARGV|Returns)", header)
        if declared and MOVED & set(re.findall(r"\w+", declared[1])) and "Changes nothing." not in header:
            moving.add(name)
    assert len(moving) > 15
    assert moving - STAYING - {arrow.mover for arrow in ARROWS} == set()


def test_every_script_in_a_diagram_exists() -> None:
    assert {arrow.mover for arrow in ARROWS} - {"time"} - SCRIPTS.keys() == set()


def test_every_arrow_is_proved_by_a_test_that_exists() -> None:
    for arrow in ARROWS:
        file, _, name = arrow.test.partition("::")
        assert re.search(rf"^async def {name}\(", (ROOT / file).read_text(), re.MULTILINE), arrow


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.title)
def test_a_drawing_has_the_states_and_arrows_of_its_table(diagram: Any) -> None:
    numbers = [arrow.number for arrow in diagram.arrows]
    assert [number for number, _ in groupby(numbers)] == sorted(re.findall(r"\d+", diagram.drawing), key=int)
    assert set(re.findall(r"[a-z]+", diagram.drawing)) == {
        state for arrow in diagram.arrows for state in (arrow.old, arrow.new)
    }
    for number, arrows in groupby(diagram.arrows, lambda arrow: arrow.number):
        assert len({(arrow.old, arrow.new) for arrow in arrows}) == 1, f"{number} is one arrow"


def test_the_page_of_the_diagrams_is_current() -> None:
    assert (ROOT / "docs/states.md").read_text() == STATES["page"](), "it is made by `make docs`"
