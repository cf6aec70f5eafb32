"""Lists of threads: by time, merged from the sorted sets of all partitions, or of one partition, in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from heapq import merge

from answerback.store import keys
from answerback.store.cursors import cursor_of, place_of
from answerback.store.redis import Database

PAGE = 500
"""Ids that are read at once, about."""

Place = tuple[int, bytes]
"""A time (ms) and an id, which orders entries of the same millisecond."""


class Recency:
    """The members of the sorted sets `names` from a cursor on, newest first or oldest first. Raises `BadCursor`."""

    def __init__(
        self, database: Database, names: Sequence[str], cursor: str = "", *, oldest_first: bool = False
    ) -> None:
        self._oldest_first = oldest_first
        self._database = database
        self._names = names
        self._at: Place | None = None
        if cursor:
            score, id = place_of(cursor, tuple[int, str])
            self._at = score, id.encode(errors="replace")
        self._given: dict[str, Place] = {}

    async def next(self, count: int) -> list[str]:
        """Return the next `count` ids after the position set by `past`; fewer only at the end."""
        pages = [await self._after(name, count) for name in self._names]
        first = list(merge(*pages, reverse=not self._oldest_first))[:count]
        self._given = {id.decode(): (score, id) for score, id in first}
        return list(self._given)

    def past(self, id: str) -> None:
        """Move the position past `id`, one of those returned by `next`."""
        self._at = self._given[id]

    @property
    def cursor(self) -> str | None:
        """The cursor of the current position; None at the start."""
        return cursor_of(self._at[0], self._at[1].decode()) if self._at else None

    async def _after(self, name: str, count: int) -> list[Place]:
        recent: list[Place] = []
        offset = 0
        command, first, last = ("ZREVRANGEBYSCORE", "+inf", "-inf")
        if self._oldest_first:
            command, first, last = ("ZRANGEBYSCORE", "-inf", "+inf")
        if self._at:
            first = str(self._at[0])
        while len(recent) < count:
            page = await self._database.call(command, name, first, last, "WITHSCORES", "LIMIT", offset, count + 1)
            offset += len(page) // 2
            places = [(int(score), id) for id, score in zip(page[::2], page[1::2], strict=True)]
            recent += [place for place in places if self._is_after(place)]
            if len(places) <= count:
                break
        return recent[:count]

    def _is_after(self, place: Place) -> bool:
        if self._at is None:
            return True
        return place > self._at if self._oldest_first else place < self._at


async def ids_in(database: Database, p: keys.Partition) -> AsyncIterator[str]:
    """Yield the ids of a partition's threads, each once. Threads added or removed meanwhile may be missing."""
    yielded: set[bytes] = set()
    cursor = -1
    while cursor:
        cursor, members = await database.call("ZSCAN", keys.threads(p), max(0, cursor), "COUNT", PAGE)
        for id, _ in members:
            if id not in yielded:
                yielded.add(id)
                yield id.decode()
