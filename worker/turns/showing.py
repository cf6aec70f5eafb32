"""Shows a reply on its platform while its agent writes it. Each request is in the thread's record before it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

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
from answerback.replies import Reply, ShownMessage, StreamedReply
from answerback.store.threads.records import Claim

from ..replies.sender import LOOKS, PAGES_AT_ONCE
from .show_requests import NotFirst, ShowRequests

log = get_logger(__name__)

START = 0.5
"""Seconds after its first piece at which a reply begins to be shown: one that is complete by then is posted at once."""
LOOK = 0.1
"""Seconds between two looks at what was written."""
UNSENT = (RateLimited, Rejected, StoreUnavailable, StoreFull)
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
        event = claim.entries[-1].event
        self._claim, self._turn, self._place = claim, turn, place
        self._client, self._streaming, self._requests = client, streaming, requests
        self._at, self._account, self._stored = event.at, event.account, claim.entries[0].stored
        self._number, self._text = 0, ""
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
        self._number, self._text = number, text
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
        messages = self._messages
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
        appends = self._messages[-1].open if self._messages else self._streaming.appends
        cut = joint(self._text)
        if not appends:
            # Edited seldom, so that nobody should look at half a word.
            cut = max(self._text.rfind(space, 0, cut) for space in " \n") + 1
        text = self._text[:cut]
        return self._client.split(text) if text.strip() else []

    # Requests ---------------------------------------------------------------------------------------

    async def _begin(self, number: int, part: str) -> None:
        before, key = self._messages, self._key(number)
        if await self._wait("begin", self._reply(part, ShownMessage(key=key))):
            return
        tasks = self._take_tasks()

        async def record() -> None:
            now, since = await self._requests.times(self._claim)
            self._known(*before, ShownMessage(key=key, begun=now, since=since))
            try:
                await self._requests.store(self._claim, first=not before)
            except NotFirst:
                self._known(*before)
                raise

        exchange = self._streaming.begin(self._reply(part, ShownMessage(key=key)), self._place, tasks)
        try:
            begun: Begun = await self._perform(exchange, record)
        except NotFirst:
            self._not_before = time.monotonic() + 1
            return
        except UNSENT:
            self._known(*before)
            raise
        except Unavailable as trouble:
            if not trouble.unknown:
                self._known(*before)
            raise
        known = msgspec.structs.replace(self._messages[number], message=begun.message, url=begun.url, open=begun.open)
        self._known(*before, known.showing(part))
        # At once: whoever goes on with it must find it.
        await self._requests.store(self._claim)
        self._done(known)

    async def _append(self, number: int, part: str) -> None:
        shown = self._messages[number]
        reply, piece = self._reply(part, shown), part[shown.length :]
        if await self._wait("append", reply):
            return
        exchange = self._streaming.append(reply, piece, self._take_tasks())
        try:
            await self._perform(exchange, self._record(number, lambda since: shown.unsure()))
        except StreamClosed as closed:
            self._replace(number, msgspec.structs.replace(shown, open=False))
            if closed.stopped:
                await self._requests.cancel(self._claim)
                raise
            return
        except UNSENT:
            self._replace(number, shown)
            raise
        except Unavailable as trouble:
            if not trouble.unknown:
                self._replace(number, shown)
            raise
        known = shown.showing(part)
        self._replace(number, known)
        self._done(known)

    async def _edit(self, number: int, part: str) -> None:
        shown = self._messages[number]
        if await self._wait("end", reply := self._reply(part, shown)):
            return
        doubted = self._record(number, lambda since: msgspec.structs.replace(shown.unsure(), doubt=since))
        try:
            await self._perform(self._streaming.end(reply), doubted)
        except MessageGone:
            self._known(*self._messages[:number], *self._messages[number + 1 :])
            await self._requests.store(self._claim)
            raise
        except UNSENT:
            self._replace(number, shown)
            raise
        except Unavailable as trouble:
            if not trouble.unknown:
                self._replace(number, shown)
            raise
        known = msgspec.structs.replace(shown.showing(part), open=False)
        self._replace(number, known)
        self._done(known)

    async def _look(self, number: int) -> None:
        """Look for a message of which it is unknown whether it was created. If it was not, begin again."""
        shown = self._messages[number]
        due = shown.since + LOOKS[self._looks] * self._requests.late(self._client)
        _, now = await self._requests.times(self._claim)
        if (wait := (due - now) / 1000) > 0:
            self._not_before = time.monotonic() + wait
            return
        reply = self._reply("", shown)
        known = [one.message for one in self._messages if one.message]
        for _ in range(PAGES_AT_ONCE):
            if await self._requests.wait(self._place, self._client.limits(reply, looking=True)):
                self._not_before = time.monotonic() + 1
                return
            account = await self._requests.account(self._place, self._account)
            if account is None:
                return
            result = await self._requests.http.perform(self._streaming.find(reply, account, known))
            if isinstance(result, Sent):
                found = msgspec.structs.replace(shown.unsure(), message=result.message, url=result.url, open=True)
                self._replace(number, found)
                await self._requests.store(self._claim)
                return
            if result is None:
                break
            assert isinstance(result, NextPage)
            reply = msgspec.structs.replace(reply, cursor=result.cursor)
        self._looks += 1
        if self._looks == len(LOOKS):
            self._looks = 0
            self._known(*self._messages[:number], *self._messages[number + 1 :])
            await self._requests.store(self._claim)

    async def _wait(self, request: StreamRequest, reply: Reply) -> bool:
        """Return whether a request has to wait for a rate limit; `_not_before` is then set."""
        wait = await self._requests.reserve(self._place, self._streaming, request, reply)
        self._not_before = max(self._not_before, time.monotonic() + wait)
        return wait > 0

    async def _perform(self, exchange: Exchange[Any], record: Callable[[], Awaitable[None]]) -> Any:
        self._requesting = True
        try:
            return await self._requests.perform(exchange, record)
        finally:
            self._requesting = False

    def _record(self, number: int, change: Callable[[int], ShownMessage]) -> Callable[[], Awaitable[None]]:
        async def record() -> None:
            _, since = await self._requests.times(self._claim)
            self._replace(number, change(since))
            await self._requests.store(self._claim)

        return record

    def _done(self, shown: ShownMessage) -> None:
        self._failures = 0
        self._not_before = time.monotonic() + (self._streaming.pace if shown.open else self._streaming.edit_pace)

    # What is known ----------------------------------------------------------------------------------

    @property
    def _messages(self) -> tuple[ShownMessage, ...]:
        return self._claim.streamed.messages if self._claim.streamed else ()

    def _known(self, *messages: ShownMessage) -> None:
        self._claim.streamed = StreamedReply(
            f"{self._turn}.{self._number}", self._place.address, self._at, self._stored, self._account, messages
        )

    def _replace(self, number: int, shown: ShownMessage) -> None:
        messages = self._messages
        self._known(*messages[:number], shown, *messages[number + 1 :])

    def _key(self, number: int) -> str:
        key = f"{self._turn}.{self._number}"
        return f"{key}.{number}" if number else key

    def _reply(self, text: str, shown: ShownMessage) -> Reply:
        return Reply(
            key=shown.key, thread=self._place.thread, text=text, address=self._place.address, at=self._at,
            account=self._account, state="streaming", message=shown.message, first=shown.begun, shown=shown,
        )  # fmt: skip

    def _take_tasks(self) -> list[StreamTask]:
        tasks, self._tasks = list(self._tasks.values()), {}
        return tasks
