"""A client that leaves stops what nobody else can read: the turn of a chat that was opened for its request alone.

A thread or a session can be read by others, and is answered whoever leaves. So is a request with an Idempotency-Key: it
was named in order to be asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from answerback.errors import AnswerbackError
from answerback.log import get_logger
from answerback.store import Chats

from .context import RequestContext
from .idempotency import HEADER

log = get_logger(__name__)

LOOK = 0.5
"""Seconds between two looks whether a client is still there: a request whose answer is waited for reads nothing."""
RETURN = 15.0
"""Seconds in which a client that counts its tries comes back, if it does: OpenAI's waits for 8 at most."""


class Leaving:
    """The clients of one ingress process that wait for an answer nobody else can read."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._stopping: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def watched(self, call: RequestContext, id: str, *, again: bool) -> AsyncIterator[None]:
        """While a client waits for the one answer of the chat `id`. `again`: it had asked before, and came back."""
        if HEADER in call.request.headers:
            yield
            return
        came = await self._chats.touch(call.caller.workspace, id) if again else 0
        watching = asyncio.create_task(self._watch(call, id, came))
        try:
            yield
        finally:
            watching.cancel()
            if _gone(call.request):
                self._stop(call, id, came)

    async def _watch(self, call: RequestContext, id: str, came: int) -> None:
        while True:
            if _gone(call.request):
                self._stop(call, id, came)
                return
            await asyncio.sleep(LOOK)

    def _stop(self, call: RequestContext, id: str, came: int) -> None:
        task = asyncio.create_task(self._cancel(call, id, came))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _cancel(self, call: RequestContext, id: str, came: int) -> None:
        workspace = call.caller.workspace
        try:
            if call.again:
                await asyncio.sleep(RETURN)
                if await self._chats.touched(workspace, id) != came:
                    return
            if await self._chats.cancel(workspace, id):
                log.info("a turn is cancelled: its client has left, and nobody else can read the answer", chat=id)
        except AnswerbackError as error:
            # Then it is answered for nobody.
            log.warning("a turn was not cancelled whose client has left", chat=id, error=str(error))


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
