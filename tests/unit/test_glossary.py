"""One word for one thing: the glossary names what there is, and retired names do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forks import ROOT

RETIRED = {
    "Told", "Emission", "Asked", "Kept", "Among", "Asking", "Whole", "Opening", "Talk", "Words", "Worded",
    "Hearing", "Door", "Repeats", "Claims", "Taken", "Suspects", "Halts", "Halted", "Elsewhere", "Served",
    "Pace", "Tally", "Voice", "Broadcast", "Standing", "Known", "Roster", "Graves", "Letters", "Outside",
    "Http", "Remotes", "Measures", "Rehearsal", "patiently", "told", "for_ever", "voice_of", "SILENT",
}  # fmt: skip
"""Names of classes, functions and constants that have a plainer one today: see docs/glossary.md."""
SCRIPTS = {"take", "gather", "ask", "open", "change", "drop", "repost", "revive", "limit", "mark", "replace", "tell"}


def _sources() -> Iterator[Path]:
    for package in ("answerback", "ingress", "worker", "tools"):
        yield from (ROOT / package).rglob("*.py")


def _public() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in _sources():
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] = file
            elif isinstance(node, ast.Assign):
                found |= {target.id: file for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_no_public_name_is_a_retired_one() -> None:
    names = _public()
    assert {name: str(names[name]) for name in RETIRED & names.keys()} == {}


def test_no_script_has_a_retired_name() -> None:
    assert SCRIPTS.isdisjoint(file.stem for file in (ROOT / "answerback/store/lua").rglob("*.lua"))


@pytest.mark.parametrize("kind", ["class", "script", "key"])
def test_what_the_glossary_names_is_there(kind: str) -> None:
    text = (ROOT / "docs/glossary.md").read_text()
    match kind:
        case "class":
            there = set(_public())
            named = {
                name for cell in re.findall(r"class(?:es)? (`[^·|]*)", text) for name in re.findall(r"`(\w+)`", cell)
            }
        case "script":
            there = {
                str(file.relative_to(ROOT / "answerback/store/lua"))
                for file in ROOT.rglob("answerback/store/lua/**/*.lua")
            }
            named = set(re.findall(r"`([\w/]+\.lua)`", text))
        case _:
            there = {
                name
                for file in (ROOT / "answerback/store").rglob("keys.py")
                for name in re.findall(r"^def (\w+)\(", file.read_text(), re.MULTILINE)
            }
            named = {name for cell in re.findall(r"keys? (`[^·|]*)", text) for name in re.findall(r"`(\w+)", cell)}
    assert named, kind
    assert named - there == set()
