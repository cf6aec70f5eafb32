"""Background tasks that run for the lifetime of a worker."""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import Awaitable, Callable

from answerback.log import get_logger

log = get_logger(__name__)


async def run_forever(call: Callable[[], Awaitable[None]]) -> None:
    """Call `call` again whenever it ends: a worker that silently stopped renewing its leases would be harmful."""
    while True:
        try:
            await call()
        except Exception:
            log.exception("background task failed; restarting it")
        await asyncio.sleep(1)


async def watch(seconds: float) -> None:
    """Exit this process if its event loop is blocked for `seconds`: it would neither work nor release its threads."""
    try:
        while True:
            # Runs in a C thread that does not need the GIL, and prints the stack of every thread.
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(seconds / 4)
    finally:
        faulthandler.cancel_dump_traceback_later()
