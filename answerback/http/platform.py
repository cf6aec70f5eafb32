"""The HTTP client for all requests to platforms."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp

from answerback import tracing
from answerback.errors import Unavailable
from answerback.http.outbound import new_session, read, translated_errors
from answerback.http.sending import DeadlineBody, HeldBack
from answerback.platforms import Exchange, Request, Response

T = TypeVar("T")

BeforeSend = Callable[[], Awaitable[float]]
"""Called before each request with a body. Returns its deadline (`time.monotonic`)."""

LIMIT = 16_777_216
"""Maximum size of a response body, in bytes; the rest is not read."""


class PlatformHttp:
    """Performs exchanges. It neither retries nor follows redirects on its own."""

    def __init__(self, *, timeout: float = 30.0) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def perform(self, exchange: Exchange[T], *, before_send: BeforeSend | None = None) -> T:
        """Run an exchange and return its result. If a request is not sent in time, call `before_send` again.

        Raises:
            RateLimited, Rejected, Unavailable: as the exchange raises them.
        """
        try:
            request = next(exchange)
            while True:
                try:
                    response = await self._send(request, before_send)
                except Unavailable as error:
                    request = exchange.throw(error)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            exchange.close()

    async def _send(self, request: Request, before_send: BeforeSend | None) -> Response:
        while True:
            try:
                return await self._request(request, await before_send() if before_send and request.body else math.inf)
            except HeldBack:
                pass

    async def _request(self, request: Request, deadline: float) -> Response:
        if self._session is None:
            self._session = new_session(self._timeout)
        body = DeadlineBody(request.body, deadline) if request.body else None
        try:
            with translated_errors(request.url, self._timeout), tracing.client(request.method, request.url) as respond:
                async with self._session.request(
                    request.method, request.url, headers=request.headers, data=body, allow_redirects=False
                ) as response:
                    respond(response.status)
                    return await read(response, LIMIT)
        except Unavailable as error:
            if body is not None and body.held_back:
                raise HeldBack from error
            raise

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
