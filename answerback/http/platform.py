"""The HTTP client for all requests to platforms."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.payload import BytesPayload

from answerback.errors import Unavailable
from answerback.platforms import Exchange, Request, Response

T = TypeVar("T")

Leave = Callable[[], Awaitable[float]]

ANSWER_LIMIT = 16_777_216
"""Maximum size of a response body, in bytes; the rest is not read."""


class _HeldBack(Exception):
    """The deadline passed before a byte of the request was sent."""


class _Body(BytesPayload):
    """A request body that checks the deadline before it is written.

    The head is sent together with the body, so this is the last moment at which nothing has been sent. A process that
    was paused in the middle of a request must not post after it resumes: another worker may own its reply by then.
    """

    def __init__(self, value: bytes, till: float) -> None:
        super().__init__(value)
        self._till = till
        self.held_back = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body, or raise `_HeldBack` after the deadline."""
        if isinstance(writer, StreamWriter) and writer.transport is not None:
            # Otherwise uvloop writes only at the end of the loop iteration, after all other callbacks.
            writer.transport.set_write_buffer_limits(high=0)
        if time.monotonic() > self._till:
            self.held_back = True
            raise _HeldBack
        await super().write_with_length(writer, content_length)


class PlatformHttp:
    """Performs exchanges. It neither retries nor follows redirects on its own."""

    def __init__(self, *, timeout: float = 30.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=10)
        self._session: aiohttp.ClientSession | None = None

    async def perform(self, exchange: Exchange[T], *, leave: Leave | None = None) -> T:
        """Run an exchange and return its result. Raises `RateLimited`, `Rejected` or `Unavailable`.

        `leave` is called before each request with a body and returns its deadline (`time.monotonic`). If the request
        was not sent in time, it is called again.
        """
        try:
            request = next(exchange)
            while True:
                try:
                    response = await self._leave(request, leave)
                except Unavailable as lost:
                    request = exchange.throw(lost)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            exchange.close()

    async def _leave(self, request: Request, leave: Leave | None) -> Response:
        while True:
            try:
                return await self._request(request, await leave() if leave and request.body else math.inf)
            except _HeldBack:
                pass

    async def _request(self, request: Request, till: float) -> Response:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                headers={"User-Agent": "answerback"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        body = _Body(request.body, till) if request.body else None
        try:
            async with self._session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=body,
                allow_redirects=False,
            ) as response:
                content = await response.content.read(ANSWER_LIMIT)
                while not response.content.at_eof() and len(content) < ANSWER_LIMIT:
                    content += await response.content.read(ANSWER_LIMIT - len(content))
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Response(status=response.status, headers=headers, body=content)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"cannot connect to {_host(request)}: {error.os_error}", unknown=False) from error
        except TimeoutError as error:
            raise Unavailable(f"{_host(request)} did not respond in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if body is not None and body.held_back:
                raise _HeldBack from error
            raise Unavailable(f"the connection to {_host(request)} was lost: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


def _host(request: Request) -> str:
    return request.url.partition("://")[2].partition("/")[0]
