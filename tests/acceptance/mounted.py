"""A FastAPI application, in which parts of ingress are mounted, under a real server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from tests.acceptance.caller import Caller
from tests.acceptance.system import System, until
from tests.forks import ROOT

SERVERS = {
    "uvicorn": ["uvicorn", "--port", "{port}", "--no-access-log"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "1"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "--no-log", "--workers-kill-timeout", "3"],
}
"""How each server is started."""


class Host:
    """A FastAPI process. It is started as people start it, so that it imports Answerback as they do."""

    def __init__(self, system: System, name: str, server: str = "uvicorn", port: int = 0) -> None:
        self._log = system.folder / f"{name}.log"
        command = [word.format(port=port or system.port) for word in SERVERS[server]]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command, "tests.acceptance.fastapi_host:app"],
                cwd=ROOT,
                env={**os.environ, **system.settings, "REDIS_URL": system.server.url},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def words(self) -> str:
        """Its log."""
        return self._log.read_text()

    async def ready(self, caller: Caller) -> None:
        """Wait until it responds."""

        async def responds() -> bool:
            assert self._process.poll() is None, self.words()
            try:
                return await caller.get("/own") == (200, {"own": "route"})
            except aiohttp.ClientError:
                return False

        await until(responds, what="the host being ready")

    async def end(self, signum: signal.Signals) -> int:
        """Send a signal, and return the exit status."""
        self._process.send_signal(signum)
        return await asyncio.to_thread(self._process.wait, 30)

    def close(self) -> None:
        """End it if it still runs, with the processes that a server of several has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@asynccontextmanager
async def hosted(
    system: System, caller: Caller, name: str = "host", server: str = "uvicorn", port: int = 0
) -> AsyncIterator[Host]:
    """A host, on the system's port or another."""
    host = Host(system, name, server, port)
    try:
        await host.ready(caller)
        yield host
    finally:
        host.close()
