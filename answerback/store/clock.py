"""Clocks: the server's own, which may step, and the lease clock of each partition, which follows it without leaps."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from answerback.store import keys
from answerback.store.keys import Partition
from answerback.store.redis import Database, Value

TOLERANCE = 500
"""ms by which two clocks may drift apart between two heartbeats before a step is assumed."""

FIELDS = ("wall", "now", "lease")


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """Observed steps of the server's clock.

    Attributes:
        last: Size of the last step in ms, negative for backward.
        at: Time of the last step, ms, by the server's clock after it.
    """

    count: int = 0
    last: int = 0
    at: int = 0


class Watch:
    """Detects steps of the server's clock by comparing it with our monotonic clock."""

    def __init__(self) -> None:
        self._ahead: tuple[int, int] | None = None
        self._received = 0

    def observe(self, sent: int, received: int, wall: int) -> int:
        """Return by how many ms the server's clock stepped since the last response; 0 if it did not.

        The server read `wall` at some moment between `sent` and `received`, so a slow call allows for all the time that
        may have passed meanwhile. Of calls that overlap, one counts: which of them read its clock first is not known.
        """
        if sent < self._received:
            return 0
        self._received = received
        # Lower and upper bound of how far the server's clock is ahead of ours.
        least, most = wall - received, wall - sent
        before = self._ahead or (least, most)
        step = min(0, most - before[0] + TOLERANCE) or max(0, least - before[1] - TOLERANCE)
        # A fast response gives tighter bounds than a slow one.
        if step or most - least <= before[1] - before[0] or most - least < TOLERANCE:
            self._ahead = (least, most)
        return step + (TOLERANCE if step > 0 else -TOLERANCE if step < 0 else 0)


def look(p: Partition) -> list[tuple[Value, ...]]:
    """Return the two commands whose responses `read` takes."""
    return [("TIME",), ("HMGET", keys.clock(p), *FIELDS)]


def read(time: Sequence[int], kept: Sequence[bytes | None]) -> tuple[int, int]:
    """Return a partition's lease clock and the server's clock in ms, as lua/with/clock.lua computes them."""
    wall = int(time[0]) * 1000 + int(time[1]) // 1000
    if kept[0] is None or kept[1] is None or kept[2] is None:
        return wall, wall
    passed, most = wall - int(kept[0]), int(kept[2]) * 3 // 10
    return int(kept[1]) + (passed if 0 <= passed <= most else most), wall


async def steps(database: Database) -> Steps:
    """Return the steps of the server's clock that workers observed."""
    count, last, at = await database.call("HMGET", keys.clock(0), "steps", "step", "stepped")
    return Steps(count=int(count or 0), last=int(last or 0), at=int(at or 0))


def monotonic() -> int:
    """Return our monotonic clock in ms."""
    return int(time.monotonic() * 1000)
