"""The pytest plugin: the fixtures and the option of `answerback.testing`.

It is active in each project that has Answerback installed, so it imports nothing but pytest until a fixture is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import FunctionModel

    from answerback.testing.clock import MovableClock


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--answerback-record`."""
    parser.getgroup("answerback").addoption(
        "--answerback-record",
        action="store_true",
        help="ask the real language models of answerback_recorded, and write down their answers",
    )


@pytest.fixture
def answerback_clock() -> MovableClock:
    """A clock that stands still until it is moved, for `play(…, clock=…)`."""
    from answerback.testing.clock import MovableClock

    return MovableClock()


@pytest.fixture
def answerback_recorded(request: pytest.FixtureRequest) -> Callable[[str | Model], FunctionModel]:
    """`answerback_recorded("anthropic:claude-haiku-4-5")`: that model's recorded answers to this test.

    They are in `recordings/<module>.<test>.json` beside the test. `pytest --answerback-record` records them anew.
    """
    from answerback.testing.recording import recorded

    name = re.sub(r"[^\w.\[\]-]+", "_", f"{request.module.__name__.rpartition('.')[2]}.{request.node.name}")
    file = Path(request.path).parent / "recordings" / f"{name}.json"
    record = bool(request.config.getoption("--answerback-record"))
    return lambda model: recorded(file, model, record=record)
