"""Following threads: first the stored stream events, then the published ones, without gaps or repeats."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store import keys
from answerback.store.stream.stored_events import PAGE, StoredEvent, last, place, published, stored
from answerback.store.stream.subscription import Subscription
from answerback.store.thread_ids import is_chat
from answerback.store.threads.threads import Threads

log = get_logger(__name__)

AHEAD = 1000
"""Stream events buffered in memory for a slow follower; a slower one reads them from Redis."""
MOVED = "moved"
"""The kind of what is published last on the channel of a thread that is moved to another partition."""
WATCHED = 60.0
"""Seconds for which workers write stream events of a platform's thread after a follower announced itself."""


class Forgotten(Exception):
    """Events after this id are no longer stored: read the thread's messages and follow from now on."""


class Follower:
    """One reader of a thread's stream events: what was published and not read yet."""

    def __init__(self) -> None:
        self._buffer: deque[StoredEvent] = deque()
        self._behind = True
        self._news = asyncio.Event()

    def push(self, event: StoredEvent) -> None:
        """Add an event that was just published."""
        if not self._behind:
            self._buffer.append(event)
            if len(self._buffer) > AHEAD:
                self.miss()
        self._news.set()

    def miss(self) -> None:
        """Note that events may have been missed: the next ones are read from Redis."""
        self._behind = True
        self._buffer.clear()
        self._news.set()

    async def events(
        self, threads: Threads, thread: str, after: str, subscribed: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[StoredEvent, None]:
        """Yield the events after this id, without end. Raises `Forgotten` and `StoreUnavailable`.

        `subscribed` returns when each event that is published from then on will be pushed.
        """
        position = place(after)
        await subscribed()
        while True:
            if self._buffer:
                event = self._buffer.popleft()
                if event.place > position:
                    after, position = event.id, event.place
                    yield event
            elif self._behind:
                await self._catch_up(threads, thread, after)
            else:
                self._news.clear()
                await self._news.wait()

    async def _catch_up(self, threads: Threads, thread: str, after: str) -> None:
        # Published events are buffered from here on; duplicates are dropped by their position.
        self._behind = False
        page = await stored(threads, thread, after)
        if page is None:
            raise Forgotten
        if len(page) == PAGE:
            # There are more stored events, which come before those buffered meanwhile.
            self._buffer.clear()
            self._behind = True
        self._buffer.extendleft(reversed(page))


class Live:
    """All threads followed by this process, on one subscription."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._followers: dict[str, set[Follower]] = {}
        self._channels: dict[str, str] = {}
        self._resubscribing: set[asyncio.Task[None]] = set()
        self._subscription = Subscription(threads.database, self._push, self._miss)

    async def keep(self) -> None:
        """Listen forever."""
        await self._subscription.keep()

    def __len__(self) -> int:
        return sum(map(len, self._followers.values()))

    @asynccontextmanager
    async def follow(self, thread: str, after: str = "0") -> AsyncIterator[AsyncGenerator[StoredEvent, None]]:
        """Follow a thread's stream events after an id; "0": all stored ones, "$": only new ones.

        Reading them raises `Forgotten` if events after the id are no longer stored. Raises `ValueError` for an invalid
        id, and `StoreUnavailable`.
        """
        after = await last(self._threads, thread) if after == "$" else after
        place(after)
        watching = None if is_chat(thread) else asyncio.create_task(self._watch(thread))
        follower = Follower()
        self._followers.setdefault(thread, set()).add(follower)
        try:
            await self._begin(thread)
            subscribed = partial(self._subscribe, thread)
            async with aclosing(follower.events(self._threads, thread, after, subscribed)) as events:
                yield events
        finally:
            self._followers[thread].discard(follower)
            if not self._followers[thread]:
                del self._followers[thread]
                for channel in [each for each, followed in self._channels.items() if followed == thread]:
                    del self._channels[channel]
                    self._subscription.drop(channel)
            if watching:
                watching.cancel()

    async def _begin(self, thread: str) -> None:
        """Begin to subscribe, so that it is done while the caller does something else. Raises `StoreUnavailable`."""
        channel = keys.stream_events(await self._threads.locate(thread), thread)
        self._channels[channel] = thread
        if not self._subscription.begin(channel):
            await self._subscription.add(channel)

    async def _subscribe(self, thread: str) -> None:
        """Subscribe to the channel of a thread, of the partition that it is in, also if it is moved meanwhile."""
        channel = ""
        while channel != (current := keys.stream_events(await self._threads.locate(thread), thread)):
            channel = current
            self._channels[channel] = thread
            await self._subscription.add(channel)

    async def _watch(self, thread: str) -> None:
        while True:
            try:
                key = keys.thread(await self._threads.locate(thread), thread)
                await self._threads.scripts.watch([key], id=thread, signals=keys.signals(), watched=int(WATCHED * 1000))
            except (StoreUnavailable, StoreFull) as error:
                log.warning("could not tell workers that a thread is being streamed", thread=thread, error=str(error))
            await asyncio.sleep(WATCHED / 2)

    def _push(self, channel: str, message: bytes) -> None:
        thread = self._channels.get(channel, "")
        if followers := self._followers.get(thread):
            event = published(message)
            if event.kind == MOVED:
                self._resubscribe([thread])
                return
            for follower in followers:
                follower.push(event)

    def _miss(self) -> None:
        for followers in self._followers.values():
            for follower in followers:
                follower.miss()
        # Some may have been moved meanwhile.
        self._resubscribe(list(self._followers))

    def _resubscribe(self, threads: Sequence[str]) -> None:
        task = asyncio.create_task(self._follow_again(threads))
        self._resubscribing.add(task)
        task.add_done_callback(self._resubscribing.discard)

    async def _follow_again(self, threads: Sequence[str]) -> None:
        for thread in threads:
            while thread in self._followers:
                try:
                    channel = keys.stream_events(await self._threads.locate(thread), thread)
                    if channel not in self._channels:
                        await self._subscribe(thread)
                except (StoreUnavailable, StoreFull):
                    await asyncio.sleep(1)
                else:
                    break
            for follower in self._followers.get(thread, ()):
                follower.miss()
