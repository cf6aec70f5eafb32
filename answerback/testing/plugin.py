"""The pytest plugin: the fixtures and the option of `answerback.testing`.

It is active in each project that has Answerback installed, so it imports nothing but pytest until a fixture is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import FunctionModel

    from answerback.testing.clock import MovableClock
    from answerback.testing.standins.running import RunningStandIns


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

    They are in `recordings/<module>.<test>.json` beside the test. `pytest --answerback-record` replaces them.
    """
    from answerback.testing.recording import recorded

    name = re.sub(r"[^\w.\[\]-]+", "_", f"{request.module.__name__.rpartition('.')[2]}.{request.node.name}")
    file = Path(request.path).parent / "recordings" / f"{name}.json"
    record = bool(request.config.getoption("--answerback-record"))
    return lambda model: recorded(file, model, record=record)


@pytest.fixture(scope="session")
def _answerback_standins_process() -> Iterator[RunningStandIns]:
    from answerback.testing.standins.running import start

    with start() as standins:
        yield standins


@pytest.fixture
def answerback_standins(
    _answerback_standins_process: RunningStandIns, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningStandIns]:
    """Stand-ins of GitHub, Slack, Standard Webhooks and a language model, to which the environment now points."""
    for name, value in _answerback_standins_process.environment().items():
        monkeypatch.setenv(name, value)
    yield _answerback_standins_process
    _answerback_standins_process.reset()
