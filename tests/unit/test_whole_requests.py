"""Requests that arrive whole are handled at once: with the same bytes in response as if aiohttp had handled them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiohttp import web

from ingress.connection import OPTIONS, Connection, handle_first
from ingress.problems import problem
from ingress.whole import WholeRequests


class Hooks:
    """The handler that comes first. Counts the requests that are handled at once."""

    routes = frozenset({("POST", "/hook"), ("GET", "/hook")})

    def __init__(self) -> None:
        self.at_once = 0
        self.arrived = asyncio.Event()
        self.proceed = asyncio.Event()
        self.proceed.set()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Respond as the body asks for."""
        self.at_once += cast(Connection, request.protocol)._at_once is asyncio.current_task()
        self.arrived.set()
        await self.proceed.wait()
        body = await request.read()
        match body:
            case b"fail":
                raise LookupError("a secret")
            case b"leave":
                raise ConnectionResetError
            case b"nothing":
                return web.Response()
            case b"bytes":
                return web.Response(body=b"\x00")
            case b"limited":
                return problem(429, "later", retry_after=3)
            case b"last":
                response = web.Response(text="last")
                response.force_close()
                return response
        return web.Response(status=202, body=b"%s %d" % (request.path_qs.encode(), len(body)))


async def application(request: web.BaseRequest) -> web.StreamResponse:
    """What handles all other requests."""
    return web.Response(text=f"application {request.method} {len(await request.read())}")


class Site:
    """A server, its limiter, and one client."""

    closing = False

    def __init__(self, hooks: Hooks) -> None:
        self.hooks = hooks
        self.server = web.Server(application)
        handle_first(self.server, hooks)
        self.connection: Connection | None = None
        self.lost_one = asyncio.Event()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def opened(self, connection: Connection) -> None:
        self.connection = connection

    def lost(self, connection: Connection) -> None:
        self.lost_one.set()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect, once the connection waits for a request."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Connection(self.server, self, 10.0), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
        try:
            async with asyncio.timeout(30):
                while self.connection is None or self.connection._waiter is None:
                    await asyncio.sleep(0)
                yield reader, writer
        finally:
            writer.transport.abort()
            listener.close()
            await self.server.shutdown(1)


def post(*lines: str, body: bytes = b"", length: int | None = None, target: str = "POST /hook HTTP/1.1") -> bytes:
    """A request, with the length of its body."""
    size = len(body) if length is None else length
    return "\r\n".join([target, "Host: x", f"Content-Length: {size}", *lines, "\r\n"]).encode() + body


LAST = post("Connection: close")
ALONE: dict[str, bytes] = {
    "with a body": post("Connection: close", body=bytes(8000)),
    "with none": LAST,
    "without a length": b"POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "that fails": post(body=b"fail"),
    "that is broken off": post(body=b"leave"),
    "with nothing in response": post("Connection: close", body=b"nothing"),
    "with bytes in response": post("Connection: close", body=b"bytes"),
    "that is over a limit": post("Connection: close", body=b"limited"),
    "that is the last by our choice": post(body=b"last"),
    "that is compressed": post("Content-Encoding: gzip", "Connection: close", body=b"hello"),
    "that expects to be asked": post("Expect: 100-continue", "Connection: close", body=b"hello"),
}
"""Requests that are handled at once."""
USUAL: dict[str, bytes] = {
    "to another place": post("Connection: close", target="POST /other HTTP/1.1"),
    "with a query": post("Connection: close", target="POST /hook?a=b HTTP/1.1"),
    "to an absolute address": post("Connection: close", target="POST http://x/hook HTTP/1.1"),
    "with an escape": post("Connection: close", target="POST /%68ook HTTP/1.1"),
    "by another method": post("Connection: close", target="GET /hook HTTP/1.1"),
    "of which the head is asked for": post("Connection: close", target="HEAD /hook HTTP/1.1"),
    "of HTTP 1.0": post(target="POST /hook HTTP/1.0"),
    "of HTTP 1.0 and more": post("Connection: keep-alive", target="POST /hook HTTP/1.0") + LAST,
    "in chunks": b"POST /hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n",
    "for a WebSocket": post("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x") + b"\x00" * 9,
    "for another protocol": post("Connection: upgrade, close", "Upgrade: h2c", body=b"hello"),
    "three in a row": post(body=b"one") + post(body=b"fail") + LAST,
    "with others behind it": post(body=b"one") + post(body=b"limited") + LAST + LAST,
    "with its length twice": post("Content-Length: 5", body=b"hello"),
    "with a length and in chunks": post("Transfer-Encoding: chunked", body=b"0\r\n\r\n" + LAST),
    "in unknown chunks": post("Transfer-Encoding: x, chunked", body=b"0\r\n\r\n" + LAST),
    "with a shorter length": post(body=b"hello" + LAST, length=5),
    "with a much shorter length": post(body=b"hello\x00\r\n\r\n", length=5),
    "with a negative length": post(body=b"hello", length=-5),
    "with no host": b"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "with two hosts": post("Host: y"),
    "with a space before a colon": post("A : b"),
    "with a folded header": post("A: b", " c"),
    "with a zero in a header": post("A: \x00"),
    "with line feeds alone": LAST.replace(b"\r\n", b"\n"),
    "with a line feed in a header": post("A: b\nC: d"),
    "with a long header": post("A: " + "b" * 9000),
    "with many headers": post(*[f"A{number}: b" for number in range(200)]),
    "with a long path": post(target=f"POST /hook{'k' * 9000} HTTP/1.1"),
    "of another version": post(target="POST /hook HTTP/3.0"),
    "that is none": b"\x16\x03\x01\x02\x00\r\n\r\n",
}
"""Requests that are not."""


async def exchanged(*parts: bytes) -> tuple[bytes, int]:
    """Send requests of which the last one ends the connection.

    Return what is sent in response, but for the time, and how many were handled at once.
    """
    site = Site(Hooks())
    async with site.client() as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.001)
        received = await reader.read()
    return re.sub(rb"\r\nDate: [^\r]+", b"\r\nDate: now", received), site.hooks.at_once


@pytest.mark.parametrize("name", [*ALONE, *USUAL])
async def test_a_request_has_the_same_response_either_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = ALONE.get(name) or USUAL[name]
    response, at_once = await exchanged(sent)
    assert at_once == (name in ALONE)
    monkeypatch.setattr(WholeRequests, "_take", lambda *_: False)
    assert (response, 0) == await exchanged(sent)
    assert response or name == "that is broken off"


async def test_requests_in_pieces_have_the_same_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = post(body=b"hello") + post("A: b", body=b"POST /hook HTTP/1.1\r\n\r\n") + LAST
    found = [await exchanged(sent[:at], sent[at:]) for at in range(0, len(sent), 5)]
    assert any(at_once for _, at_once in found)
    monkeypatch.setattr(WholeRequests, "_take", lambda *_: False)
    expected, _ = await exchanged(sent)
    assert expected.count(b" 202 Accepted\r\n") == 3
    assert {response for response, _ in found} == {expected}


async def test_what_follows_a_request_waits_in_the_transport_and_is_handled_in_order() -> None:
    site = Site(Hooks())
    site.hooks.proceed.clear()
    async with site.client() as (reader, writer):
        writer.write(post(body=b"first"))
        await site.hooks.arrived.wait()
        count = 400
        writer.write(post(body=bytes(20_000)) * count + LAST)
        assert site.connection is not None
        while not site.connection._held:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(site.connection._held) < 1_000_000
        site.hooks.proceed.set()
        received = await reader.read()
    sizes = [int(found) for found in re.findall(rb"\r\n\r\n/hook (\d+)", received)]
    assert sizes == [5, *[20_000] * count, 0]


async def test_a_connection_that_waits_for_a_handler_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTIONS, "keepalive_timeout", 0.05)
    site = Site(Hooks())
    site.hooks.proceed.clear()
    async with site.client() as (reader, writer):
        writer.write(post(body=b"hello"))
        await site.hooks.arrived.wait()
        assert site.connection is not None
        while site.connection._keepalive_handle is not None:
            await asyncio.sleep(0.01)
        site.hooks.proceed.set()
        assert (await reader.read()).endswith(b"/hook 5"), "it is closed later, when it has been idle for so long"
    assert site.hooks.at_once == 1


async def test_the_end_of_a_process_waits_for_the_request() -> None:
    site = Site(Hooks())
    site.hooks.proceed.clear()
    async with site.client() as (reader, writer):
        writer.write(post(body=b"hello"))
        await site.hooks.arrived.wait()
        assert site.connection is not None
        ending = asyncio.create_task(site.connection.shutdown(20))
        await asyncio.sleep(0.01)
        assert not ending.done()
        site.hooks.proceed.set()
        received = await reader.read()
        await ending
    assert b"\r\nConnection: close\r\n" in received
    assert received.endswith(b"/hook 5")


async def test_each_response_is_the_last_while_the_process_is_stopping() -> None:
    site = Site(Hooks())
    site.closing = True
    async with site.client() as (reader, writer):
        writer.write(post(body=b"hello"))
        assert b"\r\nConnection: close\r\n" in await reader.read()
    assert site.hooks.at_once == 1


async def test_a_client_that_leaves_is_no_error() -> None:
    site = Site(Hooks())
    site.hooks.proceed.clear()
    async with site.client() as (_, writer):
        writer.write(post(body=b"hello"))
        await site.hooks.arrived.wait()
        assert site.connection is not None
        task = site.connection._at_once
        writer.transport.abort()
        await site.lost_one.wait()
        site.hooks.proceed.set()
        assert task is not None
        await task
    assert site.connection._at_once is None


async def test_a_client_that_does_not_read_holds_up_its_own_connection() -> None:
    site = Site(Hooks())
    async with site.client() as (_, writer):
        assert site.connection is not None
        site.connection.pause_writing()
        writer.write(post(body=b"one"))
        await site.hooks.arrived.wait()
        site.hooks.arrived.clear()
        writer.write(post(body=b"two"))
        while not site.connection._held:
            await asyncio.sleep(0)
        assert not site.hooks.arrived.is_set()
        site.connection.resume_writing()
        await site.hooks.arrived.wait()
