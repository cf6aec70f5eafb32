"""The tests in docs/testing.md are run as they stand there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from answerback.testing import answers
from tests.forks import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/testing.md").read_text(), re.DOTALL)


def _tests() -> dict[str, Callable[..., Coroutine[Any, Any, None]]]:
    """Return the asynchronous tests of the page by name. Its blocks are one module."""
    module: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/testing.md", "exec"), module)
    return {
        name: test for name, test in module.items() if name.startswith("test_") and inspect.iscoroutinefunction(test)
    }


def test_the_page_has_tests() -> None:
    assert len(_tests()) == len(BLOCKS) - 1  # one needs a server


@pytest.mark.parametrize("name", _tests())
async def test_a_test_of_the_page_passes(name: str, tmp_path: Path) -> None:
    test = _tests()[name]
    fixtures = {"tmp_path": tmp_path, "answerback_recorded": lambda model: answers("Here they are, if you please.")}
    await test(**{parameter: fixtures[parameter] for parameter in inspect.signature(test).parameters})
