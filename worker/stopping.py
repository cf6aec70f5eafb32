"""Stopping while Redis is away: what is held can be handed back to nobody, and is left to its leases."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store import Database

log = get_logger(__name__)

HOPELESS = 2.0
"""Seconds without an answer of Redis after which a worker that was asked to stop does not wait for it any more."""


async def exit_when_hopeless(database: Database) -> None:
    """End this process when Redis has not answered for `HOPELESS` seconds. To be cancelled by whoever ends it well."""
    answered = time.monotonic()
    while time.monotonic() - answered < HOPELESS:
        try:
            async with asyncio.timeout(HOPELESS / 2):
                await database.now()
            answered = time.monotonic()
        except (StoreUnavailable, StoreFull, TimeoutError):
            pass
        await asyncio.sleep(0.25)
    # Nothing is lost by it: what we hold is claimed by others when our leases end.
    log.warning("stopped while Redis is unavailable; claimed threads will be reclaimed when their leases expire")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
