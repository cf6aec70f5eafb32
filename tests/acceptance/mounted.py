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
from tests.acceptance.system import PATIENCE, System, until
from tests.forks import ROOT, Fork

SERVERS = {
    "uvicorn": ["uvicorn", "--port", "{port}", "--no-access-log"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "1"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "--no-log", "--workers-kill-timeout", "3"],
}
"""How each server is started."""


class Host:
    """A FastAPI process. It is started as people start it, so that it imports Answerback as they do, or is a fork."""

    def __init__(self, system: System, name: str, server: str = "uvicorn", port: int = 0, *, forked: bool) -> None:
        self._log = system.folder / f"{name}.log"
        command = [word.format(port=port or system.port) for word in SERVERS[server]]
        self._process: subprocess.Popen[bytes] | Fork
        if forked:
            settings = {**os.environ, **system.settings, "REDIS_URL": system.server.url}
            command[0] = f"tests.acceptance.forked_{server}"
            self._process = Fork([*command, "tests.acceptance.fastapi_host:app"], settings, self._log)
            return
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

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.returncode if isinstance(self._process, Fork) else self._process.poll()

    async def ready(self, caller: Caller) -> None:
        """Wait until it responds."""

        async def responds() -> bool:
            assert self.returncode is None, self.words()
            try:
                return await caller.get("/own") == (200, {"own": "route"})
            except aiohttp.ClientError:
                return False

        await until(responds, what="the host being ready")

    async def end(self, signum: signal.Signals) -> int:
        """Send a signal, and return the exit status."""
        self._process.send_signal(signum)
        return await asyncio.to_thread(self._join)

    def close(self) -> None:
        """End it if it still runs, with the processes that a server of several has started."""
        if isinstance(self._process, Fork):
            self._process.send_signal(signal.SIGKILL)
        else:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._join()

    def _join(self) -> int:
        return self._process.join(PATIENCE) if isinstance(self._process, Fork) else self._process.wait(PATIENCE)


@asynccontextmanager
async def hosted(
    system: System, caller: Caller, name: str = "host", server: str = "uvicorn", port: int = 0, *, forked: bool = False
) -> AsyncIterator[Host]:
    """A host, on the system's port or another."""
    host = Host(system, name, server, port, forked=forked)
    try:
        await host.ready(caller)
        yield host
    finally:
        host.close()
