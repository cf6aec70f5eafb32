"""Background tasks that run for the lifetime of a worker."""

from __future__ import annotations

import asyncio
import faulthandler
from typing import Protocol

from answerback.log import get_logger

log = get_logger(__name__)


class Service(Protocol):
    """Something that runs in the background for as long as the worker does."""

    async def keep(self) -> None:
        """Run forever."""


async def run_forever(service: Service) -> None:
    """Run a service, and restart it whenever it ends: without its lease renewals, for example, a worker does harm."""
    while True:
        try:
            await service.keep()
        except Exception:
            log.exception("background task failed; restarting it")
        await asyncio.sleep(1)


async def exit_when_blocked(seconds: float) -> None:
    """Exit this process if its event loop is blocked for `seconds`: it would neither work nor release its threads."""
    try:
        while True:
            # Runs in a C thread that does not need the GIL, and prints the stack of every thread.
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(seconds / 4)
    finally:
        faulthandler.cancel_dump_traceback_later()
