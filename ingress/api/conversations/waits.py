"""Requests that wait or stream, and what ends them before their time: the process stops, or their key is revoked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger

from ...problems import Problem

log = get_logger(__name__)

LOOK = 1.0
"""Seconds between two looks whether those who wait may still do so."""


class Wait:
    """One request that may take long.

    resumable  whoever asked can come back for the rest, and so goes as soon as the process stops
    watched    ends when the credential that it shows is good no more
    ended      why it has to end now; None while it may go on
    cut        called when it is ended, for what does not wait with `limited`
    """

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.resumable = True
        self.watched = False
        self.ended: Problem | None = None
        self.cut: Callable[[], None] = lambda: None
        self._timeout: asyncio.Timeout | None = None

    def limited(self, seconds: float) -> asyncio.Timeout:
        """`asyncio.timeout(seconds)`, which runs out at once when the wait is ended."""
        self._timeout = asyncio.timeout(0 if self.ended else seconds)
        return self._timeout

    def end(self, why: Problem) -> None:
        """End it: what is `limited` runs out, and says why."""
        if self.ended is None:
            self.ended = why
            if self._timeout is not None:
                with suppress(RuntimeError):  # it is over already
                    self._timeout.reschedule(asyncio.get_running_loop().time())
            self.cut()


_CURRENT: ContextVar[Wait | None] = ContextVar("wait", default=None)


def current() -> Wait | None:
    """The wait of the request that is being answered; None outside of one."""
    return _CURRENT.get()


def limited(seconds: float) -> asyncio.Timeout:
    """Like `Wait.limited`, of the request that is being answered."""
    wait = current()
    return wait.limited(seconds) if wait else asyncio.timeout(seconds)


def raise_if_ended(*, receipt: bool = False) -> None:
    """After what was `limited` ran out: raise the `Problem` that ended it, if one did.

    `receipt`: where it is only the process that ends, a receipt is a good answer, too.
    """
    if (wait := current()) and wait.ended and not (receipt and wait.ended.status == 503):
        raise wait.ended


def stopping() -> Problem:
    """What somebody is told whose request cannot be answered by this process any more."""
    return Problem(503, "this server is being restarted: ask again", code="restarting", retry_after=1)


class Waits:
    """The requests of one process that wait or stream. `allowed` raises `Problem` where a request's caller is none."""

    def __init__(self, allowed: Callable[[web.Request], Awaitable[object]]) -> None:
        self._allowed = allowed
        self._open: set[Wait] = set()
        self._stopping = False

    @contextmanager
    def open(self, request: web.Request) -> Iterator[Wait]:
        """While a request is answered."""
        wait = Wait(request)
        self._open.add(wait)
        token = _CURRENT.set(wait)
        try:
            yield wait
        finally:
            _CURRENT.reset(token)
            self._open.discard(wait)

    def stop(self, *, resumable: bool) -> None:
        """End those that can come back elsewhere, or all."""
        for wait in list(self._open):
            if wait.resumable or not resumable:
                wait.end(stopping())

    async def watch(self) -> None:
        """End those whose key, token or sign-in is good no more, forever."""
        while True:
            began = time.monotonic()
            try:
                await self._look()
            except (StoreUnavailable, StoreFull):
                pass  # nobody knows: they go on
            except Exception:
                log.exception("looking at the callers failed")
            # With many of them, this takes no more than a fifth of the time.
            await asyncio.sleep(max(LOOK, 4 * (time.monotonic() - began)))

    async def _look(self) -> None:
        shown: dict[tuple[str, str], list[Wait]] = {}
        for wait in self._open:
            if wait.watched:
                headers = wait.request.headers
                shown.setdefault((headers.get("Authorization", ""), headers.get("Cookie", "")), []).append(wait)
        for waits in shown.values():
            try:
                await self._allowed(waits[0].request)
            except Problem as refusal:
                for wait in waits:
                    wait.end(refusal)
