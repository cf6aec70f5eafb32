"""How late a word of a turn is read over HTTP while thousands follow, and what a reader costs ingress."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from answerback.store.access.api_keys import ApiKeys
from answerback.store.redis import Database
from tests.bench import bench
from tests.bench.bench import free_port, process, server
from tests.bench.webhooks import ready

READERS = 5_000
SECONDS = 10
FIRSTS = 200
ROUTE = "/api/v1/chat/threads"
_Result = TypeVar("_Result")


class Streams(NamedTuple):
    """ms from worker to reader, p50 and p99; words a second in all; KB of ingress's memory a reader; ms to the
    first event of an idle thread, p50."""

    p50: float
    p99: float
    rate: float
    memory: float
    first: float


class _Reader(asyncio.Protocol):
    """Asks for a stream, and notes when each word comes and how old it is."""

    def __init__(self, request: bytes, ages: list[float], open_: set[_Reader]) -> None:
        self._request = request
        self._ages = ages
        self._open = open_
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        self._open.add(self)
        for line in lines:
            if line.startswith(b"data:") and b'"at"' in line:
                said = json.loads(line[5:]).get("text", "")
                self._ages += [(now - int(word)) / 1e6 for word in said.split() if word.isdecimal()]


def _memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return float(status.partition("VmRSS:")[2].split()[0])


async def _call(port: int, key: str, method: str, path: str, body: object = None) -> bytes:
    """A request on a connection of its own, and the answer up to its end, or to the first event."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(port, key, method, path, body))
    found = b""
    while b"event: " not in found and (piece := await reader.read(65_536)):
        found += piece
    writer.close()
    return found


def _request(port: int, key: str, method: str, path: str, body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _open(port: int, key: str, agent: str) -> str:
    answer = await _call(port, key, "POST", ROUTE, {"agent": agent})
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["id"])


async def _measure(url: str, port: int, pid: int, readers: int) -> Streams:
    database = Database(url, timeout=60)
    _, credential = await ApiKeys(database).create(scopes=["chat:read", "chat:write"])
    await database.close()
    key = str(credential)
    await ready(port)
    idle = await _open(port, key, "noop")
    firsts = []
    for _ in range(min(FIRSTS, readers)):
        began = time.perf_counter()
        await _call(port, key, "POST", f"{ROUTE}/{idle}/messages", {"content": "hello", "stream": True})
        firsts.append((time.perf_counter() - began) * 1000)
    threads = await _some_at_once([_open(port, key, "recite") for _ in range(readers)])
    before = _memory(pid)
    ages: list[float] = []
    opened: set[_Reader] = set()
    loop = asyncio.get_running_loop()
    for thread in threads:
        request = _request(port, key, "GET", f"{ROUTE}/{thread}/stream")
        await loop.create_connection(lambda request=request: _Reader(request, ages, opened), "127.0.0.1", port)  # type: ignore[misc]
    while len(opened) < readers:
        await asyncio.sleep(0.1)
    memory = (_memory(pid) - before) / readers
    words = {"content": str(SECONDS * 6), "wait": False}
    await _some_at_once([_call(port, key, "POST", f"{ROUTE}/{thread}/messages", words) for thread in threads])
    await asyncio.sleep(2)  # until each has said its first word
    ages.clear()
    began = time.perf_counter()
    await asyncio.sleep(SECONDS)
    rate = len(ages) / (time.perf_counter() - began)
    ages.sort()
    return Streams(ages[len(ages) // 2], ages[len(ages) * 99 // 100], rate, memory, statistics.median(firsts))


async def _some_at_once(calls: Sequence[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """Await all, 16 at once."""
    slots = asyncio.Semaphore(16)

    async def one(call: Coroutine[Any, Any, _Result]) -> _Result:
        async with slots:
            return await call

    return await asyncio.gather(*map(one, calls))


def run(readers: int = READERS) -> Streams:
    """One run."""
    port = free_port()
    with (
        server() as (url, _),
        process("ingress", url, PORT=str(port), API_RATE="100000", API_BURST="100000") as ingress,
        process("worker", url, ANSWERBACK_AGENTS="tests.bench.recite:agents", WORKER_CONCURRENCY=str(readers + 100)),
    ):
        return bench.run(_measure(url, port, ingress.pid, readers))
