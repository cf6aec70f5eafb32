"""What runs beside a worker's turns for as long as it lives."""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import Awaitable, Callable

from answerback.log import get_logger

log = get_logger(__name__)


async def run_forever(call: Callable[[], Awaitable[None]]) -> None:
    """Begin again whatever ends it: a worker that silently stopped to renew its leases would be worse than none."""
    while True:
        try:
            await call()
        except Exception:
            log.exception("background task failed; restarting it")
        await asyncio.sleep(1)


async def watch(seconds: float) -> None:
    """End this process if its event loop stands still for so long: blocked, it neither works nor lets go."""
    try:
        while True:
            # In a thread of its own that needs no lock of Python's; it tells where every thread stands.
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(seconds / 4)
    finally:
        faulthandler.cancel_dump_traceback_later()
