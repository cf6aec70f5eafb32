"""Moves idle threads to the current layout while the number of partitions is being changed. One worker at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.threads.moves import Moves
from answerback.store.threads.threads import Threads

log = get_logger(__name__)

POLL = 1.0
"""Seconds between two looks at the layout."""


class Mover:
    """The moves of one worker. Threads with work to do are moved by the worker that reserves them; see `Claimer`."""

    def __init__(self, threads: Threads, owner: str) -> None:
        self._moves = Moves(threads)
        self._partitions = threads.partitions
        self._owner = owner

    async def keep(self) -> None:
        """Move what is to be moved, forever."""
        while True:
            try:
                await self._partitions.all()
                if self._partitions.former and await self._moves.lead(self._owner):
                    await self._move_all()
            except (StoreUnavailable, StoreFull):
                pass  # already logged by the guard
            await asyncio.sleep(POLL)

    async def _move_all(self) -> None:
        former, leading = self._partitions.former, asyncio.create_task(self._lead())
        try:
            if former and await self._moves.move_idle() == 0 and await self._moves.finish():
                log.info("all threads moved", partitions=self._partitions.current.count, before=former.count)
        finally:
            leading.cancel()

    async def _lead(self) -> None:
        with suppress(StoreUnavailable, StoreFull):
            while True:
                await asyncio.sleep(POLL)
                await self._moves.lead(self._owner)
