"""What one turn shows to people: its newest state, as soon as the pace allows it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from answerback.agents.presence import WORDS, Ended, TurnPresence
from answerback.platforms import Place, Presence

from .requests import AGAIN, PresenceRequests

DELAY = 0.3
"""Seconds after which a turn is shown at work: one that ends before needs no request."""
PACE = 1.0
"""Seconds between two requests for one turn."""
POSTED = 1.5
"""Seconds after a reply was stored until its turn is shown at work again: platforms take that away with a post."""


class Shown(TurnPresence):
    """Shows one turn. Its task makes one request at a time; a state that changes meanwhile replaces the one before.

    Args:
        outcome: Whether the end is shown where what is shown may stay.
        early: Whether an earlier attempt may have been shown: it is shown at once then, and its end in any case.
        after: What an earlier turn shows in the same place: it comes first.
        record: Called before the first request. Returns whether requests may be made.
        forget: Called when nothing is shown any more.
        gone: Called when this is over.
    """

    def __init__(
        self,
        platform: str,
        presence: Presence,
        place: Place,
        requests: PresenceRequests,
        *,
        outcome: bool,
        early: bool,
        after: Shown | None,
        record: Callable[[], Awaitable[bool]],
        forget: Callable[[], Awaitable[None]],
        gone: Callable[[Shown], None],
    ) -> None:
        self._platform = platform
        self._presence = presence
        self._place = place
        self._requests = requests
        self._shows_end = presence.lasting and outcome
        self._clears = not presence.lasting
        self._after = after.superseded() if after else None
        self._record = record
        self._forget = forget
        self._gone = gone
        self._words = ""
        self._ended: Ended | None = None
        self._may_be_shown = early
        self._superseded = False
        self._due = 0.0
        """When to show that it is at work, the first time or again (monotonic)."""
        self._changed = asyncio.Event()
        self._timer = asyncio.get_running_loop().call_later(0 if early or self._after else DELAY, self._start)
        self.task: asyncio.Task[None] | None = None

    # Called by the turn and by its runner: nothing here waits or raises.

    def progress(self, words: str) -> None:
        """Show what the turn is doing."""
        if self._clears and words != self._words:
            self._words = words[:WORDS]
            self._show_at(0)

    def replied(self) -> None:
        """Show it again when the reply was posted."""
        if self._clears:
            self._show_at(time.monotonic() + POSTED)

    def end(self, outcome: Ended) -> None:
        """Show the end."""
        self._ended = self._ended or outcome
        self._changed.set()
        if self.task is None:
            self._timer.cancel()
            if self._may_be_shown or self._shows_end:
                self._start()
            else:
                self._gone(self)

    def leave(self) -> None:
        """Leave what is shown to the next attempt, unless the turn has ended."""
        if self._ended is None:
            self._timer.cancel()
            if self.task is None:
                self._gone(self)
            else:
                self.task.cancel()

    def superseded(self) -> asyncio.Task[None] | None:
        """Make way for a later turn in the same place. Return the task that it has to wait for."""
        self._superseded = self._clears
        return self.task

    def _show_at(self, due: float) -> None:
        self._due = min(self._due, due)
        self._changed.set()

    def _start(self) -> None:
        self.task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        try:
            if self._after is not None:
                await asyncio.wait([self._after])
            if await self._record():
                await self._show_work()
                await self._show_end()
        finally:
            self._gone(self)

    async def _show_work(self) -> None:
        next_request, repeated, refused = 0.0, False, False
        while self._ended is None:
            self._changed.clear()
            if (now := time.monotonic()) >= max(self._due, next_request) and not refused:
                self._due = now + self._presence.refresh if self._presence.refresh else math.inf
                exchange = self._presence.working(self._place, self._words)
                result = await self._requests.perform(self._platform, self._presence, self._place, exchange)
                next_request = time.monotonic() + PACE
                refused = result == "refused"
                self._may_be_shown = self._may_be_shown or result in ("done", "unknown")
                if result == "unknown" and not repeated:
                    self._show_at(time.monotonic() + AGAIN)
                repeated = result == "unknown"
            elif self._ended is None:
                wait = math.inf if refused else max(self._due, next_request) - now
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), None if wait == math.inf else wait)

    async def _show_end(self) -> None:
        assert self._ended is not None
        if self._superseded:
            return
        if self._shows_end or (self._clears and self._may_be_shown):
            for pause in (AGAIN, 0):
                exchange = self._presence.idle(self._place, self._ended)
                result = await self._requests.perform(self._platform, self._presence, self._place, exchange)
                if result in ("done", "refused"):
                    break
                await asyncio.sleep(pause)
            else:
                return  # the record stays: a later sweep shows the end
        await self._forget()
