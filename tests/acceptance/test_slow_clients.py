"""Clients that take their time, and all the connections they can get: others are served, and they are sent away."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from answerback.testing.standins.sender import Standard
from tests.acceptance.raw import ask, request, webhook
from tests.acceptance.system import PATIENCE, System, until

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def metric(system: System, name: str) -> float:
    """One figure of /metrics; 0 where there is none."""
    [answer] = await ask(system.port, request("GET /metrics"))
    found = re.search(rf"^{re.escape(name)} (\S+)$", answer.body.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@asynccontextmanager
async def connected(port: int, count: int, room: int = 0) -> AsyncIterator[list[Connection]]:
    """So many connections. With little `room` for what is not read yet, the other side is soon stuck."""
    opened = []
    for _ in range(count):
        client = socket.socket()
        if room:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        client.connect(("127.0.0.1", port))
        opened.append(await asyncio.open_connection(sock=client))
    try:
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def trickle(connection: Connection, text: bytes) -> bytes:
    """Send a byte now and then, until the connection is closed. What was said to us."""
    reader, writer = connection
    reading = asyncio.create_task(reader.read())
    with suppress(ConnectionError):
        for at in range(len(text)):
            writer.write(text[at : at + 1])
            await asyncio.wait([reading], timeout=0.1)
            if reading.done():
                break
        with suppress(ConnectionError):
            return await asyncio.wait_for(reading, PATIENCE)
    return b""


async def served(system: System, count: int) -> None:
    """Others are, meanwhile."""
    for number in range(count):
        [answer] = await ask(system.port, webhook("standard", Standard().message(f"{number}")))
        assert answer.status == 202
        await asyncio.sleep(0.05)


async def test_headers_that_come_byte_by_byte(plain: System) -> None:
    process = await plain.ingress(READ_TIMEOUT="3")
    text = b"POST /webhooks/standard HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000
    async with connected(plain.port, 200) as opened, asyncio.TaskGroup() as group:
        slow = [group.create_task(trickle(each, text)) for each in opened]
        await served(plain, 10)
    assert [task.result() for task in slow] == [b""] * 200
    assert await metric(plain, 'answerback_connections_closed_total{reason="slow"}') == 200
    assert '"level": "error"' not in process.words()


async def test_bodies_that_come_byte_by_byte(plain: System) -> None:
    process = await plain.ingress(READ_TIMEOUT="3")
    text = webhook("standard", Standard().message("x" * 1000))
    head = text.index(b"\r\n\r\n") + 4
    async with connected(plain.port, 100) as opened, asyncio.TaskGroup() as group:
        for _, writer in opened:
            writer.write(text[:head])
        slow = [group.create_task(trickle(each, text[head:])) for each in opened]
        await served(plain, 10)
    # Who goes on sending may be reset before it has read its answer.
    assert {task.result()[:12] for task in slow} <= {b"HTTP/1.1 408", b""}
    assert await metric(plain, 'answerback_deliveries_total{platform="standard",status="408"}') == 100
    assert '"level": "error"' not in process.words()


async def test_more_connections_than_there_is_room_for(plain: System) -> None:
    process = await plain.ingress(MAX_CONNECTIONS="50")
    async with connected(plain.port, 1) as [(reader, writer)]:
        async with connected(plain.port, 300) as crowd:
            for _, other in crowd[::7]:
                with suppress(ConnectionError):  # it may have given way already
                    other.write(b"GET / HTTP/1.1\r\n")
            await served(plain, 20)
            assert await metric(plain, "answerback_connections") <= 50
        assert await metric(plain, 'answerback_connections_closed_total{reason="evicted"}') >= 250
        # It has rested for the longest.
        with suppress(ConnectionError):
            writer.write(request("GET /health/live"))
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    assert '"level": "error"' not in process.words()


async def test_a_client_that_asks_and_does_not_listen(plain: System) -> None:
    await plain.ingress(READ_TIMEOUT="1")
    async with connected(plain.port, 1, room=4096) as [(_, writer)]:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        asking = asyncio.create_task(_ask_for_ever(writer))
        closed = 'answerback_connections_closed_total{reason="stalled"}'
        await until(lambda: metric(plain, closed), what="the connection being closed")
        await asyncio.wait_for(asking, PATIENCE)


async def _ask_for_ever(writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while True:
            # Of its answers, the system keeps megabytes.
            writer.write(b"GET /widget.js HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            await writer.drain()
