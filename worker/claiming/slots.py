"""Slots: how many claims a worker works on at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Slots:
    """The slots of a claimer. A claim of which only a write is outstanding lends its slot to another one.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.held = 0
        """Claims, with those that have lent their slot."""
        self._lent = 0
        self.changed = asyncio.Event()
        """Is set when there may be a free one."""

    @property
    def taken(self) -> int:
        """How many are in use. However long writes take, no more than twice as many claims as slots are held."""
        return self.held - min(self._lent, self.count)

    def free_one(self) -> None:
        """A claim has ended."""
        self.held -= 1
        self.changed.set()

    async def lend(self, write: Awaitable[Sequence[T]]) -> Sequence[T]:
        """Return the result of a write, during which another claim may have the slot.

        If there is more to do, return when the claim has a slot again.
        """
        self._lent += 1
        self.changed.set()
        try:
            more = await write
            while more and self.held - self._lent >= self.count:
                self.changed.clear()
                await self.changed.wait()
            return more
        finally:
            self._lent -= 1
