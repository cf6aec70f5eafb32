"""The lines of docs/tested.md: those of Python are run, and what is named as their test exists."""

from __future__ import annotations

import ast
import re
import shutil
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from pydantic import BaseModel

from answerback import Agent, Turn
from answerback.testing import answers
from tests.forks import ROOT

PAGE = (ROOT / "docs" / "tested.md").read_text()
*BLOCKS, MOUNT, DISPATCH = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


class Report(BaseModel):
    """What a typed agent is given."""

    title: str = ""


class Verdict(BaseModel):
    """What a typed agent returns."""

    bug: bool = False


async def answer(turn: Turn) -> str:
    """Answer with the receipt of a step."""
    return await turn.step("charge", charge, idempotent=True)


async def charge() -> str:
    """Charge."""
    return "receipt 1"


async def find(query: str) -> str:
    """Find things."""
    return query


async def prepare(turn: Turn) -> None:
    """Change nothing."""


def compiled(block: str) -> CodeType:
    """Compile a block that awaits at its top level."""
    code: CodeType = compile(block, "docs/tested.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


async def test_each_block_of_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "examples" / "kyc" / "kyc.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {
        "agent": Agent("helper", answer), "answer": answer, "find": find, "model": answers("Yes."),
        "prepare": prepare, "pytest": pytest, "Report": Report, "Verdict": Verdict, "session_id": "s1",
    }  # fmt: skip
    replies = []
    for block in BLOCKS:
        code = compiled(block)
        names.pop("reply", None)
        if code.co_flags & CO_COROUTINE:
            await eval(code, names)
        else:
            exec(code, names)
        replies.append(names.get("reply", ""))
    first = "Welcome to Northwind Bank."
    assert [reply[: len(first)] for reply in replies if reply] == [first, first, "receipt 1"], replies
    assert [agent.name for agent in names["agents"]][:3] == ["helper", "kyc", "typed"]


def test_the_other_blocks_are_run_by_acceptance_tests() -> None:
    mounts = [line for line in MOUNT.splitlines() if line.startswith("app.mount(")]
    served = (ROOT / "docs" / "mount.md").read_text()  # tests/acceptance/fastapi_host.py runs its first block
    assert len([line for line in mounts if line in served]) == 3
    assert "await dispatch(" in DISPATCH  # tests/acceptance/test_lines.py runs it
    compiled(DISPATCH)


def test_each_line_names_tests_that_exist() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| (?!line|what|---)", line)]
    assert len(rows) > 75
    for row in rows:
        named = re.findall(r"`(tests/\S+?\.py)`", row.rpartition(" | ")[2])
        assert named, row
        for path in named:
            assert "def test_" in (ROOT / path).read_text(), row
