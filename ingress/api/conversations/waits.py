"""Requests that wait or stream, and their early end when the process stops or their credential is revoked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger

from ...problems import Problem

log = get_logger(__name__)

LOOK = 1.0
"""Seconds between two checks of the credentials of waiting requests."""


class Wait:
    """One request that may take long.

    resumable  the client can resume it elsewhere, so it ends as soon as the process stops
    watched    it ends when its credential is revoked or expires
    ended      why it must end now; None while it may go on
    cut        called when it is ended, for code that does not wait with `limited`
    """

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.resumable = True
        self.watched = False
        self.ended: Problem | None = None
        self.cut: Callable[[], None] = lambda: None
        self._timeout: asyncio.Timeout | None = None

    @cached_property
    def credentials(self) -> tuple[str, str]:
        """The headers that may contain the request's credential. They are looked at every second, of thousands."""
        headers = self.request.headers
        return headers.get("Authorization", ""), headers.get("Cookie", "")

    def limited(self, seconds: float | None) -> asyncio.Timeout:
        """Return `asyncio.timeout(seconds)`, which expires at once when the wait is ended."""
        self._timeout = asyncio.timeout(0 if self.ended else seconds)
        return self._timeout

    def end(self, why: Problem) -> None:
        """End the wait: expire its timeout, and record why."""
        if self.ended is None:
            self.ended = why
            if self._timeout is not None:
                with suppress(RuntimeError):  # already expired
                    self._timeout.reschedule(asyncio.get_running_loop().time())
            self.cut()


_CURRENT: ContextVar[Wait | None] = ContextVar("wait", default=None)


def current() -> Wait | None:
    """Return the wait of the current request; None outside one."""
    return _CURRENT.get()


def limited(seconds: float | None) -> asyncio.Timeout:
    """Return the `Wait.limited` timeout of the current request, or a plain one outside a request."""
    wait = current()
    return wait.limited(seconds) if wait else asyncio.timeout(seconds)


def raise_if_ended(*, receipt: bool = False) -> None:
    """Raise the `Problem` that ended the current wait, if one did. Call it after a `limited` timeout expires.

    With `receipt`, do not raise when the process is stopping: the caller returns a receipt instead.
    """
    if (wait := current()) and wait.ended and not (receipt and wait.ended.status == 503):
        raise wait.ended


def stopping() -> Problem:
    """Return the problem for requests that a stopping process cannot finish."""
    return Problem(503, "the server is restarting; try again", code="restarting", retry_after=1)


class Waits:
    """The waiting and streaming requests of one process. `allowed` raises `Problem` if a credential is not valid."""

    def __init__(self, allowed: Callable[[web.Request], Awaitable[object]]) -> None:
        self._allowed = allowed
        self._open: set[Wait] = set()
        self._stopping = False

    @contextmanager
    def open(self, request: web.Request) -> Iterator[Wait]:
        """Register a request for the duration of the context."""
        wait = Wait(request)
        self._open.add(wait)
        token = _CURRENT.set(wait)
        try:
            yield wait
        finally:
            _CURRENT.reset(token)
            self._open.discard(wait)

    def stop(self, *, resumable: bool) -> None:
        """End the waits that can be resumed elsewhere, or all."""
        for wait in list(self._open):
            if wait.resumable or not resumable:
                wait.end(stopping())

    async def watch(self) -> None:
        """End waits whose key, token or sign-in is no longer valid; runs forever."""
        while True:
            began = time.monotonic()
            try:
                await self._look()
            except (StoreUnavailable, StoreFull):
                pass  # cannot tell: let them go on
            except Exception:
                # This loop must never end: streams would outlive their revoked keys.
                log.exception("credential check failed")
            # Spend at most a fifth of the time on checks.
            await asyncio.sleep(max(LOOK, 4 * (time.monotonic() - began)))

    async def _look(self) -> None:
        shown: dict[tuple[str, str], list[Wait]] = {}
        for wait in self._open:
            if wait.watched:
                shown.setdefault(wait.credentials, []).append(wait)
        for waits in shown.values():
            try:
                await self._allowed(waits[0].request)
            except Problem as refusal:
                for wait in waits:
                    wait.end(refusal)
