"""The stand-ins as acceptance tests start them: a fork, which needs no second of imports."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec

from answerback.testing.standins import client
from answerback.testing.standins.client import PATIENCE
from answerback.testing.standins.options import Options
from tests.forks import Fork


class StandIns(client.StandIns):
    """Running stand-ins."""

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path, *, app_key: str = "", **options: Any) -> AsyncIterator[Self]:
        """Start the process on a free port, stop it at the end. `directory` takes its log.

        `options` are the fields of `Options` that differ from their defaults; `app_key` is PEM text.
        """
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        if app_key:
            (directory / "app_key.pem").write_text(app_key)
            flags.append(f"--github-app-key-file={directory / 'app_key.pem'}")
        with process(directory, *flags) as url:
            async with aiohttp.ClientSession() as session:
                yield cls(url, Options(github_app_key=app_key, **options), session)

    @classmethod
    @asynccontextmanager
    async def as_new(cls, url: str) -> AsyncIterator[Self]:
        """Those of a process that has served another test. They forget all of it."""
        async with aiohttp.ClientSession() as session:
            standins = cls(url, Options(), session)
            await standins.reset()
            await standins.send_webhooks_to("")
            yield standins


@contextmanager
def process(directory: Path, *flags: str) -> Iterator[str]:
    """The process, and its URL."""
    ready = directory / "standins.json"
    ready.unlink(missing_ok=True)
    command = ["answerback.testing.standins", "--port=0", f"--ready-file={ready}", "--until-stdin-closes", *flags]
    fork = Fork(command, os.environ, directory / "standins.log")
    try:
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            if fork.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the stand-ins did not start: {(directory / 'standins.log').read_text()}")
            time.sleep(0.01)
        yield msgspec.json.decode(ready.read_bytes())["url"]
    finally:
        if fork.returncode is None:
            fork.send_signal(signal.SIGTERM)
        fork.join(PATIENCE)
