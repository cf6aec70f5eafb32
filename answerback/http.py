"""The one place from which a request leaves for a platform."""

from __future__ import annotations

from typing import TypeVar

import aiohttp

from answerback.errors import Unavailable
from answerback.platforms import Exchange, Request, Response

T = TypeVar("T")

ANSWER_LIMIT = 16_777_216
"""Bytes of an answer that are read at most."""


class Http:
    """Performs exchanges. Nothing is retried and no redirect followed behind the caller's back."""

    def __init__(self, *, timeout: float = 30.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=10)
        self._session: aiohttp.ClientSession | None = None

    async def perform(self, exchange: Exchange[T]) -> T:
        """Run an exchange to its end. Raises what it raises: `RateLimited`, `Rejected`, `Unavailable`."""
        try:
            request = next(exchange)
            while True:
                try:
                    response = await self._request(request)
                except Unavailable as lost:
                    request = exchange.throw(lost)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            exchange.close()

    async def _request(self, request: Request) -> Response:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                headers={"User-Agent": "answerback"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        try:
            async with self._session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
            ) as answer:
                body = await answer.content.read(ANSWER_LIMIT)
                while not answer.content.at_eof() and len(body) < ANSWER_LIMIT:
                    body += await answer.content.read(ANSWER_LIMIT - len(body))
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(status=answer.status, headers=headers, body=body)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"cannot connect to {_host(request)}: {error.os_error}", unknown=False) from error
        except TimeoutError as error:
            raise Unavailable(f"{_host(request)} did not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(f"the connection to {_host(request)} was lost: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


def _host(request: Request) -> str:
    return request.url.partition("://")[2].partition("/")[0]
