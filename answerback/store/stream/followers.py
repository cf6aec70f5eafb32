"""Following threads: what is stored of their deltas, and then what comes, without gap or repeat."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store import keys
from answerback.store.stream.events import PAGE, StoredEvent, last, place, published, stored
from answerback.store.stream.subscription import Subscription
from answerback.store.thread_ids import is_chat
from answerback.store.threads.threads import Threads

log = get_logger(__name__)

AHEAD = 1000
"""Deltas kept in memory for a follower that is slow; one that is slower reads them from Redis."""
WATCHED = 60.0
"""Seconds for which workers write the deltas of a platform's thread after a follower said that it is there."""


class Forgotten(Exception):
    """What came after this id is not kept any more: read the thread's messages, and follow from now on."""


class Follower:
    """The deltas of one thread, from one place on, as an asynchronous iterator. Raises `Forgotten`."""

    def __init__(self, threads: Threads, thread: str, after: str) -> None:
        self._threads = threads
        self._thread = thread
        self._after = after
        self._coming: deque[StoredEvent] = deque()
        self._behind = True
        self._news = asyncio.Event()

    def push(self, delta: StoredEvent) -> None:
        """It was published just now."""
        if not self._behind:
            self._coming.append(delta)
            if len(self._coming) > AHEAD:
                self.miss()
        self._news.set()

    def miss(self) -> None:
        """It may not have heard all: what it has to know next is read from Redis."""
        self._behind = True
        self._coming.clear()
        self._news.set()

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> StoredEvent:
        while True:
            if self._coming:
                delta = self._coming.popleft()
                if place(delta.id) > place(self._after):
                    self._after = delta.id
                    return delta
            elif self._behind:
                await self._catch_up()
            else:
                self._news.clear()
                await self._news.wait()

    async def _catch_up(self) -> None:
        # From here on, what is published is kept too: what comes twice is left out by its place.
        self._behind = False
        try:
            found = await stored(self._threads, self._thread, self._after)
        except BaseException:
            self._behind = True
            raise
        if found is None:
            raise Forgotten
        if len(found) == PAGE:
            # There is more: what was heard meanwhile comes after that.
            self._coming.clear()
            self._behind = True
        self._coming.extendleft(reversed(found))


class Live:
    """The threads that one process follows, on one subscription."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._followers: dict[str, set[Follower]] = {}
        self._subscription = Subscription(threads.database, self._hear, self._missed)

    async def keep(self) -> None:
        """Listen for ever."""
        await self._subscription.keep()

    def __len__(self) -> int:
        return sum(map(len, self._followers.values()))

    @asynccontextmanager
    async def follow(self, thread: str, after: str = "0") -> AsyncIterator[Follower]:
        """The deltas of a thread that came after an id; "0": all that are kept, "$": those that come.

        Raises `ValueError` for what is no id, `StoreUnavailable`.
        """
        after = await last(self._threads, thread) if after == "$" else after
        place(after)
        channel = keys.deltas(self._threads.partition(thread), thread)
        watching = None if is_chat(thread) else asyncio.create_task(self._watch(thread))
        follower = Follower(self._threads, thread, after)
        self._followers.setdefault(channel, set()).add(follower)
        try:
            await self._subscription.add(channel)
            yield follower
        finally:
            self._followers[channel].discard(follower)
            if not self._followers[channel]:
                del self._followers[channel]
                await self._subscription.drop(channel)
            if watching:
                watching.cancel()

    async def _watch(self, thread: str) -> None:
        key = keys.thread(self._threads.partition(thread), thread)
        while True:
            try:
                await self._threads.scripts.watch([key], [thread, keys.signals(), int(WATCHED * 1000)])
            except (StoreUnavailable, StoreFull) as error:
                log.warning("could not tell workers that a thread is being streamed", thread=thread, error=str(error))
            await asyncio.sleep(WATCHED / 2)

    def _hear(self, channel: str, message: bytes) -> None:
        if followers := self._followers.get(channel):
            delta = published(message)
            for follower in followers:
                follower.push(delta)

    def _missed(self) -> None:
        for followers in self._followers.values():
            for follower in followers:
                follower.miss()
