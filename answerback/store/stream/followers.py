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
        self._behind = False
        self._waiter: asyncio.Future[None] | None = None

    def push(self, event: StoredEvent) -> None:
        """Add an event that was just published."""
        if not self._behind:
            self._buffer.append(event)
            if len(self._buffer) > AHEAD:
                self.miss()
        self._wake()

    def miss(self) -> None:
        """Note that events may have been missed: the next ones are read from Redis."""
        self._behind = True
        self._buffer.clear()
        self._wake()

    async def published(self) -> StoredEvent | None:
        """Return the next event that was published; None as soon as some may have been missed.

        What was published before the subscription is not noticed.
        """
        while not self._buffer:
            if self._behind:
                return None
            await self._news()
        return self._buffer.popleft()

    async def events(
        self, threads: Threads, thread: str, after: str, subscribed: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[StoredEvent, None]:
        """Yield the events after this id, without end. Raises `Forgotten` and `StoreUnavailable`.

        `subscribed` returns when each event that is published from then on will be pushed.
        """
        position = place(after)
        self.miss()
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
                await self._news()

    async def _news(self) -> None:
        """Wait until something was published or missed."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

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


class Following:
    """A follower of a thread: from the beginning of this context until its end, it is given what is published.

    Entering it raises `ValueError` for an invalid id, and `StoreUnavailable`.
    """

    def __init__(self, live: Live, thread: str, after: str) -> None:
        self._live = live
        self._thread = thread
        self._after = after
        self._follower = Follower()
        self._watching: asyncio.Task[None] | None = None
        self.published = self._follower.published
        self.miss = self._follower.miss

    async def __aenter__(self) -> Following:
        if self._after != "0":
            place(self._after)
        if not is_chat(self._thread):
            self._watching = asyncio.create_task(self._live.watch(self._thread))
        try:
            await self._live.add(self._thread, self._follower)
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._end()

    def events(self) -> AsyncGenerator[StoredEvent, None]:
        """Yield the stream events after the id, without end. See `Follower.events`."""
        live, thread = self._live, self._thread
        return self._follower.events(live.threads, thread, self._after, partial(live.subscribe, thread))

    def _end(self) -> None:
        self._live.remove(self._thread, self._follower)
        if self._watching:
            self._watching.cancel()


class _Followed:
    """A thread that is followed: by whom, and on which channels."""

    __slots__ = ("channels", "followers")

    def __init__(self) -> None:
        self.followers: set[Follower] = set()
        self.channels: list[str] = []


class Live:
    """All threads followed by this process, on one subscription."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self._followed: dict[str, _Followed] = {}
        self._channels: dict[str, str] = {}
        self._resubscribing: set[asyncio.Task[None]] = set()
        self._subscription = Subscription(threads.database, self._push, self._miss)

    async def keep(self) -> None:
        """Listen forever."""
        await self._subscription.keep()

    def __len__(self) -> int:
        return sum(len(each.followers) for each in self._followed.values())

    @asynccontextmanager
    async def follow(self, thread: str, after: str = "0") -> AsyncIterator[AsyncGenerator[StoredEvent, None]]:
        """Follow a thread's stream events after an id; "0": all stored ones, "$": only new ones.

        Reading them raises `Forgotten` if events after the id are no longer stored. Raises `ValueError` for an invalid
        id, and `StoreUnavailable`.
        """
        after = await last(self.threads, thread) if after == "$" else after
        async with Following(self, thread, after) as following, aclosing(following.events()) as events:
            yield events

    async def add(self, thread: str, follower: Follower) -> None:
        """Add a follower, and begin to subscribe, so that it is done while the caller does something else.

        Raises `StoreUnavailable`.
        """
        followed = self._followed.get(thread)
        if followed is None:
            followed = self._followed[thread] = _Followed()
        followed.followers.add(follower)
        channel = keys.stream_events(await self.threads.locate(thread), thread)
        self._note(channel, thread)
        if not self._subscription.begin(channel):
            await self._subscription.add(channel)

    def remove(self, thread: str, follower: Follower) -> None:
        """Remove a follower; with the last one, the subscription."""
        followed = self._followed[thread]
        followed.followers.discard(follower)
        if not followed.followers:
            del self._followed[thread]
            for channel in followed.channels:
                del self._channels[channel]
                self._subscription.drop(channel)

    async def subscribe(self, thread: str) -> None:
        """Subscribe to the channel of a thread, of the partition that it is in, also if it is moved meanwhile."""
        channel = ""
        while (current := keys.stream_events(await self.threads.locate(thread), thread)) != channel:
            if thread not in self._followed:
                return
            channel = current
            self._note(channel, thread)
            await self._subscription.add(channel)

    def _note(self, channel: str, thread: str) -> None:
        if channel not in self._channels:
            self._channels[channel] = thread
            self._followed[thread].channels.append(channel)

    async def watch(self, thread: str) -> None:
        """Have workers write stream events of a platform's thread, forever."""
        while True:
            try:
                key = keys.thread(await self.threads.locate(thread), thread)
                await self.threads.scripts.watch([key], id=thread, signals=keys.signals(), watched=int(WATCHED * 1000))
            except (StoreUnavailable, StoreFull) as error:
                log.warning("could not tell workers that a thread is being streamed", thread=thread, error=str(error))
            await asyncio.sleep(WATCHED / 2)

    def _push(self, channel: str, message: bytes) -> None:
        thread = self._channels.get(channel, "")
        if followed := self._followed.get(thread):
            event = published(message)
            if event.kind == MOVED:
                self._resubscribe([thread])
                return
            for follower in followed.followers:
                follower.push(event)

    def _miss(self) -> None:
        for followed in self._followed.values():
            for follower in followed.followers:
                follower.miss()
        # Some may have been moved meanwhile.
        self._resubscribe(list(self._followed))

    def _resubscribe(self, threads: Sequence[str]) -> None:
        task = asyncio.create_task(self._follow_again(threads))
        self._resubscribing.add(task)
        task.add_done_callback(self._resubscribing.discard)

    async def _follow_again(self, threads: Sequence[str]) -> None:
        for thread in threads:
            while thread in self._followed:
                try:
                    channel = keys.stream_events(await self.threads.locate(thread), thread)
                    if channel not in self._channels:
                        await self.subscribe(thread)
                except (StoreUnavailable, StoreFull):
                    await asyncio.sleep(1)
                else:
                    break
            if followed := self._followed.get(thread):
                for follower in followed.followers:
                    follower.miss()
