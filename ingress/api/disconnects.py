"""Cancel the turn of a single-use chat when its client disconnects, because no one else can read the answer.

Turns in threads and sessions go on, since others can read them; so do requests with an Idempotency-Key, which the
client can repeat to get the response.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from answerback.errors import AnswerbackError
from answerback.log import get_logger
from answerback.store.chats.chats import Chats

from .context import RequestContext
from .idempotency import HEADER

log = get_logger(__name__)

INTERVAL = 0.5
"""Seconds between two checks of the connection: a request that is waiting does not read from it."""
RETRY_WITHIN = 15.0
"""Seconds to wait for a retry from a client that counts its attempts; OpenAI's clients wait at most 8."""


class Disconnects:
    """The clients of one ingress process that wait for an answer in a single-use chat."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._cancelling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def watch(self, call: RequestContext, id: str, *, retry: bool) -> AsyncIterator[None]:
        """Cancel the turn of chat `id` if the client disconnects within this context. `retry`: this request is one."""
        if HEADER in call.request.headers:
            yield
            return
        returned = await self._chats.record_return(call.caller.workspace, id) if retry else 0
        loop = asyncio.get_running_loop()
        watching: asyncio.TimerHandle | None = None

        def look() -> None:
            nonlocal watching
            if _is_gone(call.request):
                watching = None
                self._cancel_soon(call, id, returned)
            else:
                watching = loop.call_later(INTERVAL, look)

        look()
        try:
            yield
        finally:
            if watching:
                watching.cancel()
                if _is_gone(call.request):
                    self._cancel_soon(call, id, returned)

    def _cancel_soon(self, call: RequestContext, id: str, returned: int) -> None:
        task = asyncio.create_task(self._cancel(call, id, returned))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _cancel(self, call: RequestContext, id: str, returned: int) -> None:
        workspace = call.caller.workspace
        try:
            if call.repeatable_for:
                await asyncio.sleep(RETRY_WITHIN)
                if await self._chats.returned_at(workspace, id) != returned:
                    return
            if await self._chats.cancel(workspace, id):
                log.info("turn cancelled: client disconnected", chat=id)
        except AnswerbackError as error:
            # The turn runs to its end, though no one reads the answer.
            log.warning("cannot cancel the turn of a disconnected client", chat=id, error=str(error))


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
