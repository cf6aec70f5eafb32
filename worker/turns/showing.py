"""Shows a reply on its platform while its agent writes it. Each request is in the thread's record before it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from answerback.errors import (
    LeaseLost,
    MessageGone,
    RateLimited,
    Rejected,
    StoreFull,
    StoreUnavailable,
    StreamClosed,
    Unavailable,
)
from answerback.log import get_logger
from answerback.platforms import Begun, Client, Exchange, NextPage, Place, Sent, Streaming, StreamRequest, StreamTask
from answerback.platforms.text import joint
from answerback.replies import Reply, ShownMessage
from answerback.store.threads.records import Claim

from ..replies.sender import LOOKS, PAGES_AT_ONCE
from .show_requests import NotFirst, ShowRequests
from .shown_messages import ShownMessages

log = get_logger(__name__)

T = TypeVar("T")

START = 0.5
"""Seconds after its first piece at which a reply begins to be shown: one that is complete by then is posted at once."""
LOOK = 0.1
"""Seconds between two looks at what was written."""
UNSENT = (NotFirst, RateLimited, Rejected, StoreUnavailable, StoreFull)
"""After these, a request has not taken effect."""
LAST = 2.0
"""Seconds for which the end of a turn waits for a request about the message that it is going to complete."""


class Showing:
    """Shows the replies of one attempt of a turn, one after the other.

    `claim.streamed` is what is known of the messages. While a request is in flight, it says so, as the thread's record
    does: a worker that goes on from there replaces what may be shown.
    """

    def __init__(
        self, claim: Claim, turn: str, place: Place, client: Client, streaming: Streaming, requests: ShowRequests
    ) -> None:
        self._claim, self._place, self._account = claim, place, claim.entries[-1].event.account
        self._client, self._streaming, self._requests = client, streaming, requests
        self._messages = ShownMessages(claim, turn, place)
        self._text = ""
        self._tasks: dict[str, StreamTask] = {}
        self._changed = asyncio.Event()
        self._closed = self._requesting = False
        self._not_before = 0.0
        self._failures = self._looks = 0
        self._task: asyncio.Task[None] | None = None

    # Called by the turn's stream --------------------------------------------------------------------

    def write(self, number: int, text: str) -> None:
        """Show this text as message `number`."""
        if self._closed or not text:
            return
        self._messages.number, self._text = number, text
        self._changed.set()
        if self._task is None:
            self._not_before = time.monotonic() + START
            self._task = asyncio.create_task(self._run())

    def task(self, task: StreamTask) -> None:
        """Show that a tool is used, with the next piece."""
        self._tasks[task.id] = task
        self._changed.set()

    async def close(self) -> None:
        """Show nothing more. A request in flight is awaited for a moment: the message's end comes after it."""
        self._closed = True
        if self._task is not None and not self._task.done():
            if self._requesting:
                await asyncio.wait([self._task], timeout=LAST)
            self._task.cancel()
            await asyncio.wait([self._task])

    def abort(self) -> None:
        """Show nothing more, and wait for nothing."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()

    def reopen(self) -> None:
        """Show the next reply: the one before is complete."""
        self._closed, self._task, self._text = False, None, ""
        self._looks = self._failures = 0

    # The task ---------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._closed:
            try:
                if wait := self._not_before - time.monotonic():
                    await asyncio.sleep(max(0.0, wait))
                self._changed.clear()
                self._not_before = time.monotonic() + LOOK
                if not await self._advance():
                    await self._changed.wait()
            except LeaseLost:
                return
            except RateLimited as limit:
                self._requests.pause(self._place, limit)
            except (Unavailable, StoreUnavailable, StoreFull) as trouble:
                self._failures += 1
                after = trouble.after if isinstance(trouble, Unavailable) else 0.0
                self._not_before = time.monotonic() + max(after, min(2.0**self._failures, 30.0))
            except Rejected as refusal:
                log.warning("reply not shown while it is written", thread=self._claim.thread, error=str(refusal))
                return
            except Exception:
                log.exception("reply not shown while it is written", thread=self._claim.thread)
                return

    async def _advance(self) -> bool:
        """Make the next request. Return False if there is nothing to show."""
        messages = self._messages.all
        for number, shown in enumerate(messages):
            if not shown.message:
                await self._look(number)
                return True
        parts = self._parts()
        for number, part in enumerate(parts):
            if number == len(messages):
                await self._begin(number, part)
                return True
            shown = messages[number]
            begins, last = shown.begins(part), number == len(parts) - 1
            if begins and shown.length == len(part) and not (last and self._tasks and shown.open):
                continue
            await (self._append if begins and shown.open else self._edit)(number, part)
            return True
        return False

    def _parts(self) -> list[str]:
        """Return what can be shown of the reply now, as its messages."""
        messages = self._messages.all
        cut = joint(self._text)
        if not (messages[-1].open if messages else self._streaming.appends):
            # Edited seldom, so that no one should look at half a word.
            cut = max(self._text.rfind(space, 0, cut) for space in " \n") + 1
        text = self._text[:cut]
        return self._client.split(text) if text.strip() else []

    # Requests ---------------------------------------------------------------------------------------

    async def _begin(self, number: int, part: str) -> None:
        messages = self._messages
        new = ShownMessage(key=messages.key(number))
        if await self._wait("begin", reply := messages.reply(part, new)):
            return

        async def record() -> None:
            now, since = await self._requests.times(self._claim)
            messages.replace(number, msgspec.structs.replace(new, begun=now, since=since))
            await self._requests.store(self._claim, first=number == 0)

        exchange = self._streaming.begin(reply, self._place, self._take_tasks())
        try:
            begun: Begun = await self._perform(exchange, record)
        except NotFirst:
            self._not_before = time.monotonic() + 1
            return
        created = msgspec.structs.replace(messages.all[number], message=begun.message, url=begun.url, open=begun.open)
        messages.replace(number, created.showing(part))
        # At once: a worker that goes on from here must find it.
        await self._requests.store(self._claim)
        self._done(created)

    async def _append(self, number: int, part: str) -> None:
        shown = self._messages.all[number]
        reply, piece = self._messages.reply(part, shown), part[shown.length :]
        if await self._wait("append", reply):
            return
        exchange = self._streaming.append(reply, piece, self._take_tasks())
        try:
            await self._perform(exchange, self._record(number, lambda since: shown.unsure()))
        except StreamClosed as closed:
            self._messages.replace(number, msgspec.structs.replace(shown, open=False))
            if closed.stopped:
                await self._requests.cancel(self._claim)
                raise
            return
        self._shown(number, shown.showing(part))

    async def _edit(self, number: int, part: str) -> None:
        shown = self._messages.all[number]
        if await self._wait("end", reply := self._messages.reply(part, shown)):
            return
        doubted = self._record(number, lambda since: msgspec.structs.replace(shown.unsure(), doubt=since))
        try:
            await self._perform(self._streaming.end(reply), doubted)
        except MessageGone:
            await self._forget(number)
            raise
        self._shown(number, msgspec.structs.replace(shown.showing(part), open=False))

    async def _look(self, number: int) -> None:
        """Look for a message of which it is unknown whether it was created. If it was not, begin again."""
        shown = self._messages.all[number]
        reply = self._messages.reply("", shown)
        if self._client.repeat(reply).then == "unknown":
            # It cannot be found: its sender posts the reply, once more at most.
            raise Rejected("the outcome of the request that began the message is unknown")
        due = shown.since + LOOKS[self._looks] * self._requests.late(self._client)
        _, now = await self._requests.times(self._claim)
        if (wait := (due - now) / 1000) > 0:
            self._not_before = time.monotonic() + wait
            return
        messages = [one.message for one in self._messages.all if one.message]
        for _ in range(PAGES_AT_ONCE):
            if await self._requests.wait(self._place, self._client.limits(reply, looking=True)):
                self._not_before = time.monotonic() + 1
                return
            account = await self._requests.account(self._place, self._account)
            if account is None:
                return
            result = await self._requests.http.perform(self._streaming.find(reply, account, messages))
            if isinstance(result, Sent):
                shown = msgspec.structs.replace(shown.unsure(), message=result.message, url=result.url, open=True)
                self._messages.replace(number, shown)
                await self._requests.store(self._claim)
                return
            if result is None:
                break
            assert isinstance(result, NextPage)
            reply = msgspec.structs.replace(reply, cursor=result.cursor)
        self._looks += 1
        if self._looks == len(LOOKS):
            self._looks = 0
            await self._forget(number)

    async def _forget(self, number: int) -> None:
        """Store that a message does not exist."""
        self._messages.remove(number)
        await self._requests.store(self._claim)

    async def _wait(self, request: StreamRequest, reply: Reply) -> bool:
        """Return whether a request has to wait for a rate limit; `_not_before` is then set."""
        wait = await self._requests.reserve(self._place, self._streaming, request, reply)
        self._not_before = max(self._not_before, time.monotonic() + wait)
        return wait > 0

    async def _perform(self, exchange: Exchange[T], record: Callable[[], Awaitable[None]]) -> T:
        """Perform an exchange. If it has had no effect, what was known of the messages before is known again."""
        before = self._messages.all
        self._requesting = True
        try:
            return await self._requests.perform(exchange, record)
        except Exception as error:
            if isinstance(error, UNSENT) or (isinstance(error, Unavailable) and not error.unknown):
                self._messages.set(before)
            raise
        finally:
            self._requesting = False

    def _record(self, number: int, change: Callable[[int], ShownMessage]) -> Callable[[], Awaitable[None]]:
        async def record() -> None:
            _, since = await self._requests.times(self._claim)
            self._messages.replace(number, change(since))
            await self._requests.store(self._claim)

        return record

    def _shown(self, number: int, shown: ShownMessage) -> None:
        self._messages.replace(number, shown)
        self._done(shown)

    def _done(self, shown: ShownMessage) -> None:
        self._failures = 0
        self._not_before = time.monotonic() + (self._streaming.pace if shown.open else self._streaming.edit_pace)

    def _take_tasks(self) -> list[StreamTask]:
        tasks, self._tasks = list(self._tasks.values()), {}
        return tasks
