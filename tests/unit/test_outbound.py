"""The errors of outbound requests: whether a request may have taken effect, and no secret in a text."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from answerback.errors import Unavailable
from answerback.http.outbound import host_of
from answerback.http.platform import PlatformHttp
from answerback.http.untrusted import UntrustedHttp
from answerback.platforms import Exchange, Request, Response

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """Serve on a free port, and yield the URL."""
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://user:secret@127.0.0.1:{listener.sockets[0].getsockname()[1]}/token"
    finally:
        listener.close()


async def by_platform(url: str, timeout: float) -> Response:
    """Send with the client for platforms."""

    def exchange() -> Exchange[Response]:
        return (yield Request(method="POST", url=url, body=b"hello"))

    http = PlatformHttp(timeout=timeout)
    try:
        return await http.perform(exchange())
    finally:
        await http.close()


async def by_untrusted(url: str, timeout: float) -> Response:
    """Send with the client for URLs that others configured."""
    return await UntrustedHttp(private=True).request("POST", url, headers={}, body=b"hello", timeout=timeout)


Send = Callable[[str, float], Awaitable[Response]]
both = pytest.mark.parametrize("send", [by_platform, by_untrusted])


@both
async def test_a_refused_connection_had_no_effect(send: Send) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with pytest.raises(Unavailable, match=r"cannot connect to 127\.0\.0\.1") as error:
            await send(f"http://user:secret@127.0.0.1:{taken.getsockname()[1]}/token", 30)
    assert not error.value.unknown
    assert "secret" not in str(error.value)
    assert "token" not in str(error.value)


@both
async def test_a_connection_that_is_never_accepted_had_no_effect(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("answerback.http.outbound.CONNECT", 0.2)
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (first, second):  # they fill the backlog: the system ignores who comes next
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with pytest.raises(Unavailable, match="cannot connect") as error:
            await send(f"http://127.0.0.1:{full.getsockname()[1]}/", 30)
    assert not error.value.unknown


@both
async def test_a_request_without_a_response_may_have_had_an_effect(send: Send) -> None:
    released = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.close()

    for serve, words in ((silent, r"127\.0\.0\.1 did not respond in 0\.3 s"), (broken, "was lost")):
        async with serving(serve) as url:
            with pytest.raises(Unavailable, match=words) as error:
                await send(url, 0.3 if serve is silent else 30)
            assert error.value.unknown
            assert "secret" not in str(error.value)
    released.set()


@both
async def test_malformed_http_is_a_lost_connection(send: Send) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(b"not HTTP\r\n\r\n")
        writer.close()

    async with serving(serve) as url:
        with pytest.raises(Unavailable, match="was lost") as error:
            await send(url, 30)
    assert error.value.unknown


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://ada:pass@example.com:8443/path?key=1", "example.com"),
        ("https:///path", "a URL without a host"),
        ("https://[::1", "an invalid URL"),
    ],
)
def test_a_host_is_named_without_what_may_be_secret(url: str, host: str) -> None:
    assert host_of(url) == host
