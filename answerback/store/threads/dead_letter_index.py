"""Which dead letters belong to which thread: read once, and again only for what was buried since."""

from __future__ import annotations

from collections import defaultdict

from answerback.store import decode, keys
from answerback.store.threads.threads import Threads

COUNTERS = ("buried", "failed replies", "restored")
"""Of a partition: they grow with every dead letter that comes to lie there."""

OVERLAP = 60_000
"""Ms that are read again: the clock of Redis may have been set back by so much."""

STALE = 10_000
"""Letters that may be remembered for nothing."""


class DeadLetterIndex:
    """The dead letters of every thread, as the operator's commands and retention need them.

    `mark` is what was buried in a partition so far. While it is unchanged, no letter is missing from
    `of`; some of them may have been replayed or dropped.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._marks: dict[int, str] = {}
        self._until: dict[int, int] = {}
        self._known: dict[int, set[bytes]] = {}
        self._found: dict[int, defaultdict[str, list[str]]] = {}

    async def of(self, thread: str) -> tuple[str, list[str]]:
        """The partition's mark, and the ids of a thread's dead letters, oldest first."""
        p = self._threads.partition(thread)
        (seconds, _), counted, there = await self._threads.database.together(
            ("TIME",), ("HMGET", keys.counters(p), *COUNTERS), ("ZCARD", keys.dead(p))
        )
        found, known = mark(counted), self._marks.get(p)
        if found != known:
            # Restored letters are as old as they were. And what was replayed is not remembered for ever.
            restored = known is None or known.rpartition(":")[2] != found.rpartition(":")[2]
            if anew := restored or len(self._known[p]) > 2 * there + STALE:
                self._known[p], self._found[p] = set(), defaultdict(list)
            await self._read(p, 0 if anew else self._until[p] - OVERLAP)
            self._marks[p], self._until[p] = found, seconds * 1000
        return found, list(self._found[p].get(thread, ()))

    async def _read(self, p: int, since: int) -> None:
        database = self._threads.database
        ids = await database.call("ZRANGEBYSCORE", keys.dead(p), since, "+inf")
        for start in range(0, len(ids), 100):
            page = ids[start : start + 100]
            letters = await database.call("HMGET", keys.letters(p), *page)
            for id, letter in zip(page, letters, strict=True):
                if letter is not None and id not in self._known[p]:
                    self._known[p].add(id)
                    self._found[p][decode.letter(letter, id.decode()).thread].append(id.decode())


def mark(counted: list[bytes | None]) -> str:
    """What a partition's `COUNTERS` say, to be compared."""
    return ":".join((value or b"0").decode() for value in counted)
