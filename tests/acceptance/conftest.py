"""Real processes for every test, on their own server, folder and ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.remote import RemoteAgent, remote_agent
from tests.acceptance.system import System
from tests.acceptance.terminal import Terminal
from tests.standins.client import StandIns


@pytest.fixture
async def standins(tmp_path: Path) -> AsyncIterator[StandIns]:
    """The platforms, as we may break them."""
    async with StandIns.start(tmp_path) as running:
        yield running


@pytest.fixture
async def system(tmp_path: Path, standins: StandIns) -> AsyncIterator[System]:
    """An Answerback whose platforms are the stand-ins; ingress and workers are for the test to start.

    The stand-ins tell it of every message that it posts, as the real platforms do.
    """
    async with System.running(tmp_path, standins.environment()) as running:
        await standins.send_webhooks_to(f"http://127.0.0.1:{running.port}/webhooks/{{platform}}")
        yield running


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[System]:
    """An Answerback with the generic door alone: replies stay in their threads."""
    async with System.running(tmp_path, {}) as running:
        yield running


@pytest.fixture
async def remote() -> AsyncIterator[RemoteAgent]:
    """A remote agent."""
    async with remote_agent() as agent:
        yield agent


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """An empty folder, and no configuration."""
    opened = Terminal(tmp_path)
    yield opened
    opened.close()
