"""What ingress relies on in aiohttp's server beyond its public interface: see `ingress/connection.py`."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiohttp import web

from ingress import connection as module
from ingress.connection import OPTIONS, Connection, handle_first, send_continue


class Watched:
    """A limiter that limits nothing, and remembers."""

    closing = False

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.lost_ones: list[Connection] = []

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def opened(self, connection: Connection) -> None:
        self.connections.append(connection)

    def lost(self, connection: Connection) -> None:
        self.lost_ones.append(connection)


class Site:
    """The connections of a server, and one client's end."""

    def __init__(self, limiter: Watched, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.limiter, self.reader, self.writer = limiter, reader, writer

    async def ask(self, *lines: str, body: bytes = b"") -> bytes:
        """Send a request, and return the head of the response."""
        self.writer.write("\r\n".join([*lines, "Host: x", "\r\n"]).encode() + body)
        return await self.reader.readuntil(b"\r\n\r\n")


class Hooks:
    """The handler that comes first."""

    routes = frozenset({("POST", "/hook")})

    async def handle(self, request: web.BaseRequest) -> web.Response:
        connection = cast(Connection, request.protocol)
        assert connection.request is request
        if "Expect" in request.headers:
            await send_continue(request)
            assert request.writer.output_size == 0
            await request.read()
            raise LookupError("after 100 Continue")
        return web.Response(text="first")


async def application(request: web.BaseRequest) -> web.StreamResponse:
    """Respond; "/broken" fails in the middle."""
    if request.path == "/broken":
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        raise LookupError("in the middle")
    return web.Response(body=bytes(8_000_000) if request.path == "/large" else b"application")


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    """Serve one client."""
    server, limiter = web.Server(application), Watched()
    handle_first(server, Hooks())
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # its connections inherit it
    own.bind(("127.0.0.1", 0))
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(server, limiter, 10.0), sock=own)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2], limit=8_000_000)
    try:
        async with asyncio.timeout(30):
            yield Site(limiter, reader, writer)
    finally:
        writer.close()
        listener.close()
        await server.shutdown(1)


def test_a_connection_takes_our_options() -> None:
    parameters = inspect.signature(web.RequestHandler.__init__).parameters
    assert {*OPTIONS, "lingering_time"} <= parameters.keys()


async def test_our_handler_comes_first_and_the_application_gets_the_rest() -> None:
    async with serving() as site:
        assert b"200 OK" in await site.ask("POST /hook HTTP/1.1", "Content-Length: 0")
        assert await site.reader.readexactly(5) == b"first"
        assert b"200 OK" in await site.ask("GET /hook HTTP/1.1")
        assert await site.reader.readexactly(11) == b"application"


async def test_a_connection_knows_its_request_and_when_its_headers_began() -> None:
    async with serving() as site:
        site.writer.write(b"GET / HT")
        while not site.limiter.connections or not site.limiter.connections[0].began_at:
            await asyncio.sleep(0.01)
        (connection,) = site.limiter.connections
        assert connection.request is None
        idle_since = connection.idle_since
        await site.ask("TP/1.1")
        assert (connection.request, connection.began_at) == (None, 0.0)
        assert connection.idle_since > idle_since
        site.writer.close()
        while not site.limiter.lost_ones:
            await asyncio.sleep(0.01)
        assert site.limiter.lost_ones == [connection]
        assert connection.open_transport is None


async def test_malformed_http_becomes_a_problem() -> None:
    async with serving() as site:
        head = await site.ask("\x00 / HTTP/1.1")
        assert b"400 Bad Request" in head
        assert b"application/problem+json" in head
        assert b"malformed HTTP request" in await site.reader.read()


async def test_an_error_before_the_response_becomes_a_problem_also_after_100_continue() -> None:
    async with serving() as site:
        assert b"100 Continue" in await site.ask("POST /hook HTTP/1.1", "Expect: 100-continue", "Content-Length: 2")
        site.writer.write(b"{}")
        assert b"503 Service Unavailable" in await site.reader.readuntil(b"\r\n\r\n")


async def test_an_error_in_the_middle_of_a_response_ends_it_and_adds_nothing() -> None:
    async with serving() as site:
        assert b"200 OK" in await site.ask("GET /broken HTTP/1.1")
        assert await site.reader.read() == b"4\r\nhalf\r\n", "no second response, and no regular end"


async def test_closing_drops_the_transport_with_bytes_in_its_buffer() -> None:
    async with serving() as site:
        site.writer.transport.pause_reading()  # type: ignore[attr-defined]
        site.writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        while not site.limiter.connections:
            await asyncio.sleep(0.01)
        (connection,) = site.limiter.connections
        transport = connection.open_transport
        assert transport is not None
        while not transport.get_write_buffer_size():
            await asyncio.sleep(0.01)
        connection.force_close()
        assert connection.transport is None
        assert connection.open_transport is transport
        assert transport.get_write_buffer_size() > 0
        connection.abort()
        while not site.limiter.lost_ones:
            await asyncio.sleep(0.01)


async def test_a_connection_that_waits_for_its_first_request_does_not_hold_up_shutdown() -> None:
    async with serving() as site:
        while not site.limiter.connections:
            await asyncio.sleep(0.01)
        await asyncio.wait_for(site.limiter.connections[0].shutdown(60), 20)


async def test_the_server_has_our_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.web_response.SERVER_SOFTWARE", "Python/3 aiohttp/3")
    module.name_server("Ours")
    async with serving() as site:
        assert b"\r\nServer: Ours\r\n" in await site.ask("GET / HTTP/1.1")
