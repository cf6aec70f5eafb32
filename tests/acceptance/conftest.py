"""Real processes for every test, in their own folder and on their own ports. Servers and stand-ins are emptied."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from answerback.errors import StoreUnavailable
from answerback.store.embedded import EmbeddedServer
from tests.acceptance.installation import build, environment, once
from tests.acceptance.remote import RemoteAgent, remote_agent
from tests.acceptance.system import System
from tests.acceptance.terminal import Terminal
from tests.standins.client import StandIns, process


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A process with the platforms, for one test after the other: its URL."""
    with process(tmp_path_factory.mktemp("standins")) as url:
        yield url


@pytest.fixture
async def standins(standing: str) -> AsyncIterator[StandIns]:
    """The platforms, as we may break them."""
    async with StandIns.as_new(standing) as running:
        yield running


@pytest.fixture(scope="session")
def standing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server, for one test after the other."""
    with EmbeddedServer(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@asynccontextmanager
async def emptied(server: EmbeddedServer, folder: Path, settings: dict[str, str]) -> AsyncIterator[System]:
    """A system on this server, which has nothing of another test. What a test configures there ends with it."""
    async with System.running(folder, settings, server=server) as running:
        await running.database.call("FLUSHALL")
        before = await _configured(running)
        yield running
        if not server.alive or await _configured(running) != before:
            # The next test starts it. One that a failed test has left standing still is killed after 10 s.
            await asyncio.to_thread(server.stop)


async def _configured(system: System) -> list[object] | None:
    try:
        return [await system.database.call(*command) for command in (("CONFIG", "GET", "*"), ("ACL", "LIST"))]
    except StoreUnavailable:
        return None


@pytest.fixture
async def system(tmp_path: Path, standins: StandIns, standing_server: EmbeddedServer) -> AsyncIterator[System]:
    """An Answerback whose platforms are the stand-ins; ingress and workers are for the test to start.

    The stand-ins tell it of every message that it posts, as the real platforms do.
    """
    async with emptied(standing_server, tmp_path, standins.environment()) as running:
        await standins.send_webhooks_to(f"http://127.0.0.1:{running.port}/webhooks/{{platform}}")
        yield running


@pytest.fixture
async def plain(tmp_path: Path, standing_server: EmbeddedServer) -> AsyncIterator[System]:
    """An Answerback with the generic door alone: replies stay in their threads."""
    async with emptied(standing_server, tmp_path, {}) as running:
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


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def wheel(shared: Path) -> Path:
    """The wheel."""
    (built,) = once(shared / "dist", build).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, shared: Path) -> Path:
    """An environment with the wheel without extras, and the bundled server, beside no checkout: its programs."""
    make = partial(environment, wheel=wheel, extras=["bundled"])
    return once(shared / "installed", make) / "bin"


@pytest.fixture(scope="session")
def fresh(wheel: Path, installed: Path, shared: Path) -> Path:
    """An environment with what docs/quickstarts.md and a new project say to install."""
    others = ["fastapi", "uvicorn", "pytest", "pytest-asyncio"]
    make = partial(environment, wheel=wheel, extras=["bundled", "models"], others=others, like=installed.parent)
    return once(shared / "fresh", make)
