"""The one place from which a request leaves for a platform."""

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
"""Bytes of an answer that are read at most."""


class _HeldBack(Exception):
    """The request's time was over before a byte of it left."""


class _Body(BytesPayload):
    """A body, with which its request's head leaves: the last moment at which all of it can be held back.

    A process that was paused in the middle of a request must not post when it goes on: its reply may be
    another worker's by then.
    """

    def __init__(self, value: bytes, till: float) -> None:
        super().__init__(value)
        self._till = till
        self.held_back = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write it, unless it is too late."""
        if isinstance(writer, StreamWriter) and writer.transport is not None:
            # uvloop writes at the end of its round otherwise, after whatever else is in it.
            writer.transport.set_write_buffer_limits(high=0)
        if time.monotonic() > self._till:
            self.held_back = True
            raise _HeldBack
        await super().write_with_length(writer, content_length)


class PlatformHttp:
    """Performs exchanges. Nothing is retried and no redirect followed behind the caller's back."""

    def __init__(self, *, timeout: float = 30.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=10)
        self._session: aiohttp.ClientSession | None = None

    async def perform(self, exchange: Exchange[T], *, leave: Leave | None = None) -> T:
        """Run an exchange to its end. Raises what it raises: `RateLimited`, `Rejected`, `Unavailable`.

        `leave` is asked before each request with a body until when that may leave, by `time.monotonic`,
        and is asked again for one that was not in time.
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
            ) as answer:
                read = await answer.content.read(ANSWER_LIMIT)
                while not answer.content.at_eof() and len(read) < ANSWER_LIMIT:
                    read += await answer.content.read(ANSWER_LIMIT - len(read))
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(status=answer.status, headers=headers, body=read)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"cannot connect to {_host(request)}: {error.os_error}", unknown=False) from error
        except TimeoutError as error:
            raise Unavailable(f"{_host(request)} did not answer in time") from error
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
