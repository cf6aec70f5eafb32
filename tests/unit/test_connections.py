"""Clients that leave their answers where they are hold no connection for ever; who takes them slowly is served."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from aiohttp import web

from answerback.settings import Settings
from ingress.connection import handle_first
from ingress.connections import CLOSED, ConnectionLimiter
from tests.acceptance.system import PATIENCE, until

LITTLE, MUCH = 40_000, 2_000_000
"""Bytes of an answer: of LITTLE, so few are left for the client that aiohttp goes on; with MUCH it waits."""


def on_our_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on the event loop that ingress runs on: what closing leaves undone is the loop's affair."""

    @functools.wraps(test)
    def run() -> None:
        async def limited() -> None:
            async with asyncio.timeout(2 * PATIENCE):
                await test()

        uvloop.run(limited())

    return run


class Served:
    """A door that holds connections, and clients for whom the system keeps little."""

    def __init__(self, door: ConnectionLimiter, address: tuple[str, int]) -> None:
        self._door = door
        self._address = address
        self._before = _counts()
        self.clients: list[socket.socket] = []

    async def ask(self, request: str) -> socket.socket:
        """One connects, asks, and takes nothing."""
        loop, client = asyncio.get_running_loop(), socket.socket()
        self.clients.append(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, self._address)
        await loop.sock_sendall(client, request.encode())
        return client

    async def holds(self, count: int, what: str) -> None:
        """Wait until so many connections are left."""

        async def held() -> int:
            return len(self._door._open)

        await until(held, lambda found: found == count, what=what)

    @property
    def closed(self) -> dict[str, float]:
        """How many connections were taken from clients, and why."""
        return {
            why: count - self._before.get(why, 0)
            for why, count in _counts().items()
            if count > self._before.get(why, 0)
        }


def _counts() -> dict[str, float]:
    samples = [sample for metric in CLOSED.collect() for sample in metric.samples]
    return {sample.labels["reason"]: sample.value for sample in samples if sample.name.endswith("_total")}


def get(size: int, *headers: str) -> str:
    """A request for so many bytes."""
    return "\r\n".join([f"GET /{size} HTTP/1.1", "Host: x", *headers, "\r\n"])


class Nothing:
    """A handler without routes."""

    routes = frozenset[tuple[str, str]]()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        raise AssertionError(request.path)


@asynccontextmanager
async def serving(read_timeout: str, most: str = "50") -> AsyncIterator[Served]:
    """One that answers."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bytes(int(request.path[1:])))

    server, ours = web.Server(answer), socket.socket()
    handle_first(server, Nothing())
    door = ConnectionLimiter(server, Settings.load({"READ_TIMEOUT": read_timeout, "MAX_CONNECTIONS": most}))
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # its connections inherit it
    ours.bind(("127.0.0.1", 0))
    listener = await asyncio.get_running_loop().create_server(door, sock=ours)
    watching, served = asyncio.create_task(door.watch()), Served(door, ours.getsockname())
    try:
        yield served
    finally:
        watching.cancel()
        listener.close()
        for client in served.clients:
            client.close()


@on_our_loop
async def test_who_takes_no_answer_and_asks_for_more_is_closed_once() -> None:
    async with serving("0.2") as served:
        client = await served.ask(get(MUCH))
        await served.holds(1, "connecting")
        await asyncio.sleep(0.1)
        client.send(get(MUCH).encode()[:20])
        await served.holds(0, "closing")
        assert served.closed == {"stalled": 1}


@pytest.mark.parametrize("header", ["Connection: keep-alive", "Connection: close"])
def test_who_leaves_the_last_of_an_answer_is_closed(header: str) -> None:
    @on_our_loop
    async def test() -> None:
        async with serving("0.2") as served:
            await served.ask(get(LITTLE, header))
            await served.holds(1, "connecting")
            await served.holds(0, "closing")
            assert served.closed == {"stalled": 1}

    test()


@on_our_loop
async def test_who_takes_an_answer_slowly_has_not_been_slow_to_ask_for_the_next() -> None:
    async with serving("1.5") as served:
        loop = asyncio.get_running_loop()
        client = await served.ask(get(MUCH))
        await asyncio.sleep(0.1)
        await loop.sock_sendall(client, get(7, "Connection: close").encode()[:20])
        for _ in range(30):
            await loop.sock_recv(client, 1000)
            await asyncio.sleep(0.1)
        await loop.sock_sendall(client, get(7, "Connection: close").encode()[20:])
        received = bytearray()
        while some := await loop.sock_recv(client, 1 << 20):
            received += some
        assert received.endswith(b"\r\n\r\n" + bytes(7))
        assert served.closed == {}


@on_our_loop
async def test_who_leaves_an_answer_makes_room_at_once() -> None:
    async with serving("60", most="4") as served:
        for _ in range(4):
            await served.ask(get(MUCH))
        await served.holds(4, "connecting")
        for _ in range(2):
            await served.ask(get(LITTLE))
        await served.holds(4, "making room")
        assert served.closed == {"evicted": 2}
