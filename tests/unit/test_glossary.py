"""One word for one thing: the glossary names what there is, and retired names do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from unittest.mock import Mock

import click
import pytest

from ingress.api.docs import openapi
from ingress.api.routes.routes import routes
from tests.forks import ROOT
from tests.sources import modules, texts
from tools.cli import cli

RETIRED = {
    "Told", "Emission", "Asked", "Kept", "Among", "Asking", "Whole", "Opening", "Talk", "Words", "Worded",
    "Hearing", "Door", "Repeats", "Claims", "Taken", "Suspects", "Halts", "Halted", "Elsewhere", "Served",
    "Pace", "Tally", "Voice", "Broadcast", "Standing", "Known", "Roster", "Graves", "Letters", "Outside",
    "Http", "Remotes", "Measures", "Rehearsal", "Summary", "patiently", "told", "for_ever", "voice_of", "SILENT",
    "letters", "graves", "deltas", "remotes", "ends", "amended", "summarised", "looked_up", "fitting",
    "end_words", "reply_words", "delta_words", "doze", "gather", "standing", "sketches",
}  # fmt: skip
"""Names of classes, functions, methods and constants that have a plainer one today: see docs/glossary.md."""
WORDS = {
    "grave", "graves", "bury", "buried", "doze", "dozing", "gather", "emission", "roster", "tally", "voice", "suspects",
    "halts", "halted", "patiently",
}  # fmt: skip
"""Words that are no part of any name that users or operators meet, nor of a public name in the code."""
SCRIPTS = {
    "take", "gather", "ask", "open", "change", "drop", "repost", "revive", "limit", "mark", "replace", "tell", "bury",
}  # fmt: skip
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


DEFINED = re.compile(r"^( *)(?:(class|def|async def) (\w+)|(\w+(?: = \w+)*)(?:: |(?:: .*)? = ))", re.MULTILINE)
"""A line that begins a definition, as the formatter writes it."""


def _definitions(text: str) -> Iterator[str]:
    """Yield what a module and its classes define. Parsing all modules would take a second."""
    around: list[tuple[int, str]] = []
    for line in DEFINED.finditer(re.sub(r'"""(?:.|\n)*?"""', "", text)):
        depth, kind = len(line[1]), line[2]
        while around and around[-1][0] >= depth:
            around.pop()
        if depth == 4 * len(around) and all(one == "class" for _, one in around):
            yield from [line[3]] if kind else line[4].split(" = ")
        if kind:
            around.append((depth, kind))


@cache
def _public() -> dict[str, Path]:
    """Return the public classes, functions, methods and constants, each with a file that defines it."""
    return {
        name: file.relative_to(ROOT)
        for file, text in texts().items()
        for name in _definitions(text)
        if not name.startswith("_")
    }


def _commands(group: click.Group, path: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield f"{path}{name}"
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path}{name} ")
        elif command:
            yield from (option for parameter in command.params for option in parameter.opts)


def _http_fields() -> Iterator[str]:
    document = openapi.document(routes(Mock(), Mock(), Mock()))
    yield from document["paths"]
    for name, schema in document["components"]["schemas"].items():
        yield name
        yield from schema.get("properties", ())


def _metrics() -> Iterator[str]:
    for _, module in modules('"answerback_'):
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"^answerback_\w+$", node.value)


def _log_events() -> Iterator[str]:
    for _, module in modules(*(f".{level}(" for level in LEVELS)):
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


SOURCES: dict[str, Callable[[], Iterable[str]]] = {
    "public names": _public,
    "CLI commands": lambda: _commands(cli),
    "HTTP fields": _http_fields,
    "metrics": _metrics,
    "log events": _log_events,
}


def test_no_public_name_is_a_retired_one() -> None:
    assert {name: str(_public()[name]) for name in RETIRED & _public().keys()} == {}


@pytest.mark.parametrize("source", SOURCES)
def test_no_name_contains_a_retired_word(source: str) -> None:
    names = list(SOURCES[source]())
    assert len(names) > 10
    # "theGrave_now" has three words.
    words = {name: {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)} for name in names}
    assert {name: found & WORDS for name, found in words.items() if found & WORDS} == {}


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
