"""The clocks: the server's own, which may be set, and the lease clock of each partition, which follows it carefully."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from answerback.store import keys
from answerback.store.redis import Database, Value

TOLERANCE = 500
"""By how many ms two clocks may disagree between two heartbeats before one of them must have been set."""

FIELDS = ("wall", "now", "lease")


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """How often the server's clock was seen to be set.

    last  by how much the last time, ms, below 0 for back; `at`: when, ms, by the server's clock after it
    """

    count: int = 0
    last: int = 0
    at: int = 0


class Watch:
    """Notices when the server's clock was set, by one that is never set: ours since the machine was started."""

    def __init__(self) -> None:
        self._ahead: tuple[int, int] | None = None

    def observe(self, sent: int, received: int, wall: int) -> int:
        """By how much (ms) the server's clock was set since the last answer; 0 when it was not.

        It read `wall` at some moment between `sent` and `received`. So a call that was long on its way, because
        the server stood still, leaves room for everything that may have passed meanwhile.
        """
        # How much the server's clock is ahead of ours, at least and at most.
        least, most = wall - received, wall - sent
        before = self._ahead or (least, most)
        step = min(0, most - before[0] + TOLERANCE) or max(0, least - before[1] - TOLERANCE)
        # A quick answer tells more than a slow one.
        if step or most - least <= before[1] - before[0] or most - least < TOLERANCE:
            self._ahead = (least, most)
        return step + (TOLERANCE if step > 0 else -TOLERANCE if step < 0 else 0)


def look(p: int) -> list[tuple[Value, ...]]:
    """The two commands whose answers `read` takes."""
    return [("TIME",), ("HMGET", keys.clock(p), *FIELDS)]


def read(time: Sequence[int], kept: Sequence[bytes | None]) -> tuple[int, int]:
    """The lease clock of a partition and the server's own, ms: as lua/with/clock.lua reads them."""
    wall = int(time[0]) * 1000 + int(time[1]) // 1000
    if kept[0] is None or kept[1] is None or kept[2] is None:
        return wall, wall
    passed, most = wall - int(kept[0]), int(kept[2]) * 3 // 10
    return int(kept[1]) + (passed if 0 <= passed <= most else most), wall


async def steps(database: Database) -> Steps:
    """How often the server's clock was set, as workers saw it."""
    count, last, at = await database.call("HMGET", keys.clock(0), "steps", "step", "stepped")
    return Steps(count=int(count or 0), last=int(last or 0), at=int(at or 0))


def monotonic() -> int:
    """Our own clock, ms, which is never set."""
    return int(time.monotonic() * 1000)
