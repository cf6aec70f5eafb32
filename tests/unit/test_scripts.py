"""Scripts name their arguments themselves, and every caller passes exactly those."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import cast

import pytest

from answerback.store.redis import Database
from answerback.store.scripts import Arguments, Script, Scripts
from answerback.store.threads.details import Details
from tests.forks import ROOT
from tests.sources import modules

SCRIPTS = Scripts(cast(Database, None))
NAMES = sorted(name for name, script in vars(SCRIPTS).items() if isinstance(script, Script))


def _calls() -> Iterator[tuple[str, str, set[str]]]:
    """Yield the script, the method and the names of each call that passes arguments by name."""
    for _, tree in modules("scripts."):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
                continue
            words = ast.unparse(node.func).split(".")
            method = words.pop() if words[-1] in ("args", "item") else "args"
            if len(words) > 1 and words[-1] in NAMES and words[-2] in ("scripts", "_scripts"):
                yield words[-1], method, {str(keyword.arg) for keyword in node.keywords}


def test_every_caller_passes_the_arguments_that_the_script_names() -> None:
    calls = list(_calls())
    assert len({script for script, _, _ in calls}) > 25
    for name, method, passed in calls:
        arguments: Arguments = getattr(getattr(SCRIPTS, name), method)
        assert passed == {*arguments.names, *(each for each, _ in arguments.lists)}, f"{name}.{method}"


@pytest.mark.parametrize("name", NAMES)
def test_a_script_documents_the_arguments_it_names_in_their_order(name: str) -> None:
    script: Script = getattr(SCRIPTS, name)
    named = [
        *script.args.names,
        *script.item.names,
        *(each for part in (script.args, script.item) for each, _ in part.lists),
    ]
    source = (ROOT / f"answerback/store/lua/{name}.lua").read_text()
    header = re.search(r"-- ARGV(.*?)-- Returns", source, re.DOTALL)
    if not header:
        assert (named, "ARGV" in source) == ([], False)
        return
    # Without explanations, which may contain parentheses themselves.
    text = re.sub(r"then for each [^:]*:", "", header[1])
    for _ in range(2):
        text = re.sub(r"\([^()]*\)", "", text)
    words = re.findall(r"\w+", re.sub(r"\"[^\"]*\"", "", text))
    documented = [word for word in words if word in named]
    assert list(dict.fromkeys(documented)) == named
    assert not re.search(r"ARGV\[\d", source), "arguments are used by name"


def test_a_script_names_the_details_of_an_event_in_their_order() -> None:
    named = re.search(r"((?:\w+,\s+)+\w+) = unpack\(cmsgpack\.unpack\(details\)\)", SCRIPTS.accept.source.decode())
    assert named is not None
    assert re.findall(r"\w+", named[1]) == list(Details.__struct_fields__)


def test_arguments_are_sent_in_the_order_of_the_script() -> None:
    arguments = Arguments(["id", "fence"], [("messages", 1), ("replies", 2)])
    values = arguments(replies=["k", b"r", "l", b"s"], fence=7, messages=(), id="t")
    assert values == ["t", 7, 0, 2, "k", b"r", "l", b"s"]


@pytest.mark.parametrize("values", [{"id": "t"}, {"id": "t", "fence": 1, "owner": "w"}])
def test_a_missing_or_unknown_argument_is_refused(values: dict[str, str | int]) -> None:
    with pytest.raises(TypeError, match="fence"):
        Arguments(["id", "fence"])(**values)
