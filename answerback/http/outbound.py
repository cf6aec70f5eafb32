"""What all outbound requests have in common: session, response, and the translation of aiohttp's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import aiohttp

from answerback.errors import ForbiddenAddress, Unavailable
from answerback.platforms import Response

CONNECT = 10.0
"""Longest time to connect, in seconds."""


class Refused(PermissionError):
    """The address is not public, so no socket was opened."""

    def __init__(self) -> None:
        # The same text for every address, so that it can be recognised where aiohttp merges several errors.
        super().__init__("its address is not public")


def new_session(timeout: float, connector: aiohttp.TCPConnector | None = None) -> aiohttp.ClientSession:
    """Return a session without cookies. `timeout`: seconds that a request may take."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout, connect=min(timeout, CONNECT)),
        headers={"User-Agent": "answerback"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def read(response: aiohttp.ClientResponse, limit: int) -> Response:
    """Return a response with at most `limit` bytes of its body; the rest is not read."""
    body = bytearray()
    while len(body) < limit and not response.content.at_eof():
        body += await response.content.read(limit - len(body))
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(status=response.status, headers=headers, body=bytes(body))


@contextmanager
def translated_errors(url: str, timeout: float) -> Iterator[None]:
    """Raise aiohttp's errors as those of `answerback.errors`.

    Raises:
        ForbiddenAddress: the address is not public.
        Unavailable: there is no response. Its `unknown` says whether the request may have taken effect.
    """
    host = host_of(url)
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, Refused) or str(Refused()) in str(error.os_error):
            raise ForbiddenAddress(
                f"{host} was not called: its address is not public. If it is yours, set ALLOW_PRIVATE_URLS=true."
            ) from None
        raise Unavailable(f"cannot connect to {host}: {error.os_error}", unknown=False) from error
    except (aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise Unavailable(f"cannot connect to {host}: {type(error).__name__}", unknown=False) from error
    except TimeoutError as error:
        raise Unavailable(f"{host} did not respond in {timeout:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Unavailable(f"the connection to {host} was lost: {type(error).__name__}") from error


def host_of(url: str) -> str:
    """Return the host for error messages, without path and user info, which may contain credentials."""
    try:
        return urlsplit(url).hostname or "a URL without a host"
    except ValueError:
        return "an invalid URL"
