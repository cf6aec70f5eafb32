"""An ingress process that is attacked, and how it must come through."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.acceptance.raw import Answer, ask, request
from tests.acceptance.system import Process, System

MEGABYTE = 1 << 20
ROOM = 48 * MEGABYTE
"""Bytes by which the process may have grown after all of it: what the allocator keeps, and a few full buffers."""


class Target:
    """One ingress process, with its log at its most talkative."""

    def __init__(self, system: System, process: Process) -> None:
        self.system, self.process, self.port = system, process, system.port
        self._began = self.size()

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, **settings: str) -> AsyncIterator[Target]:
        """With these settings, ready."""
        system = System(folder, {"LOG_LEVEL": "debug", **settings})
        await system.open()
        try:
            yield cls(system, await system.ingress())
        finally:
            await system.close()

    def size(self) -> int:
        """Bytes of memory that it has."""
        return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(self.process.pid)])) * 1024

    async def well(self) -> None:
        """It answers, has not grown, and has met nothing that it calls an error."""
        [live] = await ask(self.port, request("GET /health/live"))
        assert live.status == 200
        words = self.process.words()
        assert '"level": "error"' not in words, words[words.index('"level": "error"') :][:2000]
        assert "Traceback" not in words
        assert all(line.startswith("{") for line in words.splitlines())
        assert self.size() - self._began < ROOM


def civil(found: list[Answer]) -> None:
    """No answer is a 5xx, and each that says no says it as a problem; to OpenAI's clients, in their form."""
    for answer in found:
        assert answer.status < 500, answer
        if answer.status >= 400:
            kind = answer.headers["content-type"]
            theirs = kind.startswith("application/json") and answer.body.startswith(b'{"error":{"message":')
            assert theirs or kind.startswith("application/problem+json"), answer
