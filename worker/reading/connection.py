"""A connection to a platform, which is read by one worker at a time."""

from __future__ import annotations

import asyncio
import random
from typing import Protocol

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.fleet.connections import Connections

log = get_logger(__name__)

RENEWED, MISSED = 0.2, 0.6
"""Parts of a lease: after which it is renewed, and after which another worker takes it over if it was not.

Together with the time between two attempts of a waiting worker, another one reads within a lease.
"""


class Reading(Protocol):
    """What reads a connection while its lease is ours."""

    async def read(self) -> None:
        """Read, forever."""
        ...


class Connection:
    """One connection of a platform: "slack/socket". The worker that holds its lease reads it."""

    def __init__(self, name: str, reading: Reading, leases: Connections, *, owner: str, lease: float) -> None:
        self._name = name
        self._reading = reading
        self._leases = leases
        self._owner = owner
        self._lease = lease

    async def keep(self) -> None:
        """Read whenever the lease is ours, forever."""
        reading: asyncio.Task[None] | None = None
        try:
            while True:
                held = await self._hold()
                if held and (reading is None or reading.done()):
                    log.info("reading a connection", connection=self._name)
                    reading = asyncio.create_task(self._read())
                elif held is False and reading is not None:
                    log.warning("another worker reads this connection now", connection=self._name)
                    await cancelled(reading)
                    reading = None
                # Workers that wait do not all ask at the same time.
                await asyncio.sleep(self._lease * (RENEWED if held else random.uniform(0.15, 0.2)))
        finally:
            if reading is not None:
                await cancelled(reading)
                await self._release()

    async def _read(self) -> None:
        try:
            await self._reading.read()
        except Exception:
            # A fault of ours, or of a platform's package. It begins again while the lease is ours.
            log.exception("reading failed", connection=self._name)

    async def _hold(self) -> bool | None:
        """Take or renew the lease. Return whether we have it; None if that is not known."""
        try:
            return await self._leases.hold(self._name, self._owner, self._lease * MISSED)
        except (StoreUnavailable, StoreFull):
            return None  # nothing can be stored either, so it does no harm to go on reading

    async def _release(self) -> None:
        try:
            await self._leases.release(self._name, self._owner)
        except (StoreUnavailable, StoreFull):
            pass  # it ends by itself


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
