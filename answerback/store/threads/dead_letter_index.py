"""An index of dead letters by thread: read once, then updated with new ones only."""

from __future__ import annotations

from collections import defaultdict

from answerback.store import decode, keys
from answerback.store.keys import Partition
from answerback.store.threads.threads import Threads

COUNTERS = ("buried", "failed replies", "restored")
"""Counters of a partition that grow with each new dead letter."""

OVERLAP = 60_000
"""ms that are read again, in case the clock of Redis was set back."""

STALE = 10_000
"""Obsolete entries to tolerate before the index is rebuilt."""


class DeadLetterIndex:
    """The dead letters of every thread, for the operator's commands and retention.

    A version identifies the dead letters added to a partition so far. While it is unchanged, `of` is complete, although
    some of its dead letters may have been replayed or deleted.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._versions: dict[Partition, str] = {}
        self._until: dict[Partition, int] = {}
        self._ids: dict[Partition, set[bytes]] = {}
        self._by_thread: dict[Partition, defaultdict[str, list[str]]] = {}

    async def of(self, p: Partition, thread: str) -> tuple[str, list[str]]:
        """Return the version of partition `p` and the ids of a thread's dead letters there, oldest first."""
        (seconds, _), counts, stored = await self._threads.database.together(
            ("TIME",), ("HMGET", keys.counters(p), *COUNTERS), ("ZCARD", keys.dead_letter_times(p))
        )
        current, earlier = version_of(counts), self._versions.get(p)
        if current != earlier:
            # Imported dead letters keep their old times. Replayed ones must not be kept forever.
            restored = earlier is None or earlier.rpartition(":")[2] != current.rpartition(":")[2]
            if rebuild := restored or len(self._ids[p]) > 2 * stored + STALE:
                self._ids[p], self._by_thread[p] = set(), defaultdict(list)
            await self._read(p, 0 if rebuild else self._until[p] - OVERLAP)
            self._versions[p], self._until[p] = current, seconds * 1000
        return current, list(self._by_thread[p].get(thread, ()))

    async def _read(self, p: Partition, since: int) -> None:
        database = self._threads.database
        ids = await database.call("ZRANGEBYSCORE", keys.dead_letter_times(p), since, "+inf")
        for start in range(0, len(ids), 100):
            page = ids[start : start + 100]
            letters = await database.call("HMGET", keys.dead_letters(p), *page)
            for id, letter in zip(page, letters, strict=True):
                if letter is not None and id not in self._ids[p]:
                    self._ids[p].add(id)
                    self._by_thread[p][decode.letter(letter, id.decode()).thread].append(id.decode())


def version_of(counted: list[bytes | None]) -> str:
    """Return a partition's `COUNTERS` as a comparable string."""
    return ":".join((value or b"0").decode() for value in counted)
