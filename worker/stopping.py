"""Shutdown while Redis is unavailable: claimed threads cannot be released, so their leases expire instead."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.redis import Database

log = get_logger(__name__)

GIVE_UP_AFTER = 2.0
"""Seconds without a response from Redis after which a stopping worker gives up waiting for it."""


async def exit_when_redis_is_away(database: Database) -> None:
    """Exit this process once Redis has not responded for `GIVE_UP_AFTER` seconds. Cancelled by a regular shutdown."""
    responded_at = time.monotonic()
    while time.monotonic() - responded_at < GIVE_UP_AFTER:
        try:
            async with asyncio.timeout(GIVE_UP_AFTER / 2):
                await database.now()
            responded_at = time.monotonic()
        except (StoreUnavailable, StoreFull, TimeoutError):
            pass
        await asyncio.sleep(0.25)
    # Nothing is lost: other workers claim our threads when our leases expire.
    log.warning("stopped while Redis is unavailable; claimed threads will be reclaimed when their leases expire")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
