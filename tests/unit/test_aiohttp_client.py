"""What our HTTP client relies on in aiohttp beyond its public interface: see `answerback/http/sending.py`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps

import aiohttp
import pytest
import uvloop
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter

from answerback.http.sending import DeadlineBody, HeldBack


class Server:
    """A server that counts connections, and keeps what it receives."""

    def __init__(self) -> None:
        self.connections = 0
        self.received = bytearray()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to everything that ends with the body "hello"."""
        self.connections += 1
        try:
            while data := await reader.read(65_536):
                self.received += data
                if self.received.endswith(b"hello"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Serve on a free port."""
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    try:
        yield server
    finally:
        listener.close()


def on_our_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on the worker's event loop: when a write leaves is the loop's affair."""

    @wraps(test)
    def run() -> None:
        async def limited() -> None:
            async with asyncio.timeout(30):
                await test()

        uvloop.run(limited())

    return run


class Observed(DeadlineBody):
    """A body that records what had been sent when it was written, and right after."""

    def __init__(self, value: bytes, deadline: float = math.inf) -> None:
        super().__init__(value, deadline)
        self.bytes_before = -1
        self.writer: AbstractStreamWriter | None = None
        self.writes = 0

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body."""
        self.writes += 1
        self.writer = writer
        assert isinstance(writer, StreamWriter)
        self.bytes_before = writer.output_size
        await super().write_with_length(writer, content_length)


@on_our_loop
async def test_the_body_is_written_once_and_before_the_head_has_left() -> None:
    async with serving() as server, aiohttp.ClientSession() as session:
        body = Observed(b"hello")
        async with session.post(server.url, data=body) as response:
            assert response.status == 200
        assert body.writes == 1
        assert body.bytes_before == 0, "aiohttp sends the head of a request before its body"
        assert server.received.startswith(b"POST / HTTP/1.1\r\n")
        assert server.received.endswith(b"\r\n\r\nhello")


@on_our_loop
async def test_the_body_is_given_the_transport_of_the_connection() -> None:
    async with serving() as server, aiohttp.ClientSession() as session:
        body = Observed(b"hello")
        async with session.post(server.url, data=body):
            assert isinstance(body.writer, StreamWriter), "aiohttp passes another kind of writer"
            assert body.writer.transport is not None
            assert body.writer.transport.get_write_buffer_limits()[1] == 0


@on_our_loop
async def test_what_a_body_raises_ends_the_request_with_nothing_sent_and_no_other_try() -> None:
    async with serving() as server, aiohttp.ClientSession() as session:
        async with session.post(server.url, data=DeadlineBody(b"hello", math.inf)):
            pass  # the next request finds an open connection, which aiohttp may replace by another
        server.received.clear()
        late = Observed(b"hello", time.monotonic() - 1)
        with pytest.raises(aiohttp.ClientError) as error:
            await session.post(server.url, data=late)
        assert late.held_back
        assert isinstance(error.value.__cause__, HeldBack) or "HeldBack" in repr(error.value.__context__)
        assert late.writes == 1, "aiohttp repeats a request whose body failed"
        async with session.post(server.url, data=DeadlineBody(b"hello", math.inf)):
            pass
        assert server.received.count(b"POST /") == 1, "a byte of the request that was held back has left"


@on_our_loop
async def test_a_transport_without_a_write_buffer_sends_before_the_loop_goes_on() -> None:
    received = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        received.set()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
    writer.transport.set_write_buffer_limits(high=0)
    writer.write(b"hello")
    assert writer.transport.get_write_buffer_size() == 0, "the loop keeps what was written for later"
    await received.wait()
    writer.close()
    listener.close()
