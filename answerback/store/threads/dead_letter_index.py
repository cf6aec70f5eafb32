"""An index of dead letters by thread: read once, then updated with new ones only."""

from __future__ import annotations

from collections import defaultdict

from answerback.store import decode, keys
from answerback.store.threads.threads import Threads

COUNTERS = ("buried", "failed replies", "restored")
"""Counters of a partition that grow with each new dead letter."""

OVERLAP = 60_000
"""ms that are read again, in case the clock of Redis was set back."""

STALE = 10_000
"""Obsolete entries to tolerate before the index is rebuilt."""


class DeadLetterIndex:
    """The dead letters of every thread, for the operator's commands and retention.

    `mark` identifies the dead letters added to a partition so far. While it is unchanged, `of` is complete, although
    some of its dead letters may have been replayed or deleted.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._marks: dict[int, str] = {}
        self._until: dict[int, int] = {}
        self._known: dict[int, set[bytes]] = {}
        self._found: dict[int, defaultdict[str, list[str]]] = {}

    async def of(self, thread: str) -> tuple[str, list[str]]:
        """Return the partition's mark and the ids of a thread's dead letters, oldest first."""
        p = self._threads.partition(thread)
        (seconds, _), counted, there = await self._threads.database.together(
            ("TIME",), ("HMGET", keys.counters(p), *COUNTERS), ("ZCARD", keys.dead_letter_times(p))
        )
        found, known = mark(counted), self._marks.get(p)
        if found != known:
            # Imported dead letters keep their old times. Replayed ones must not be kept forever.
            restored = known is None or known.rpartition(":")[2] != found.rpartition(":")[2]
            if anew := restored or len(self._known[p]) > 2 * there + STALE:
                self._known[p], self._found[p] = set(), defaultdict(list)
            await self._read(p, 0 if anew else self._until[p] - OVERLAP)
            self._marks[p], self._until[p] = found, seconds * 1000
        return found, list(self._found[p].get(thread, ()))

    async def _read(self, p: int, since: int) -> None:
        database = self._threads.database
        ids = await database.call("ZRANGEBYSCORE", keys.dead_letter_times(p), since, "+inf")
        for start in range(0, len(ids), 100):
            page = ids[start : start + 100]
            letters = await database.call("HMGET", keys.dead_letters(p), *page)
            for id, letter in zip(page, letters, strict=True):
                if letter is not None and id not in self._known[p]:
                    self._known[p].add(id)
                    self._found[p][decode.letter(letter, id.decode()).thread].append(id.decode())


def mark(counted: list[bytes | None]) -> str:
    """Return a partition's `COUNTERS` as a comparable string."""
    return ":".join((value or b"0").decode() for value in counted)
