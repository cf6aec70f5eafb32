"""Answers a second over the API: an OpenAI completion, and a message in a chat, each answered by an agent at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import cycle
from typing import NamedTuple, cast

from answerback.store.access.api_keys import ApiKeys
from answerback.store.fleet.keys import agents
from answerback.store.redis import Database
from tests.bench import bench
from tests.bench.bench import Cpu, Failed, free_port, percentile, process, server
from tests.bench.webhooks import ready

CONNECTIONS = 64
REQUESTS = 4_000
ALONE = 400
"""Requests that are sent one at a time."""
CHATS = "/api/v1/chat/threads"
COMPLETIONS = "/api/v1/chat/completions"


class Answers(NamedTuple):
    """A second over all connections; ms of one request when there is no other, p50 and p99; µs of CPU a request."""

    rate: float
    p50: float
    p99: float
    cpu: Cpu


class _Client(asyncio.Protocol):
    """One connection: sends a request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes], times: list[float], done: asyncio.Event, total: int) -> None:
        self._requests, self._times, self._done, self._total = requests, times, done, total
        self._answer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if head[9:12] != b"200" or b"done" not in body:
            raise Failed(f"not an answer: {self._answer[:500]!r}")
        self._answer = b""
        self._times.append((time.perf_counter() - self._sent) * 1000)
        if len(self._times) >= self._total:
            self._done.set()
            self._transport.close()
        else:
            self._send()


def request(port: int, key: str, path: str, body: object) -> bytes:
    """A whole POST on a connection that stays open."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def fire(port: int, requests: list[bytes], total: int) -> tuple[float, list[float]]:
    """Send requests, one at a time on each of as many connections as there are different ones."""
    times: list[float] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for each in requests:
        await loop.create_connection(
            lambda each=each: _Client(cycle([each]), times, done, total),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await done.wait()
    return time.perf_counter() - began, times


async def _measure(url: str, port: int, pids: tuple[int, int, int], kind: str, count: int) -> Answers:
    database = Database(url, timeout=60)
    _, credential = await ApiKeys(database).create(scopes=["chat:read", "chat:write"])
    key = str(credential)
    await ready(port)
    while not await database.call("HLEN", agents()):
        await asyncio.sleep(0.05)
    await database.close()
    if kind == "completion":
        body = {"model": "noop", "messages": [{"role": "user", "content": "What changed?"}]}
        requests = [request(port, key, COMPLETIONS, body)] * CONNECTIONS
    else:
        opened = [await post(port, request(port, key, CHATS, {"agent": "noop"})) for _ in range(CONNECTIONS)]
        requests = [request(port, key, f"{CHATS}/{one['id']}/messages", {"content": "hello"}) for one in opened]
    await fire(port, requests, CONNECTIONS * 4)
    _, alone = await fire(port, requests[:1], min(ALONE, count))
    before = Cpu.of(*pids)
    seconds, times = await fire(port, requests, count)
    alone.sort()
    used = Cpu.of(*pids).per(before, len(times))
    return Answers(len(times) / seconds, percentile(alone, 50), percentile(alone, 99), used)


async def post(port: int, content: bytes) -> dict[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    answer: dict[str, str] = json.loads(await reader.readexactly(length))
    writer.close()
    return answer


def run(kind: str = "completion", count: int = REQUESTS) -> Answers:
    """One run, of completions or of messages ("message")."""
    port = free_port()
    with (
        server() as running,
        process("ingress", running.url, PORT=str(port), API_RATE="1000000", API_BURST="1000000") as ingress,
        process("worker", running.url, ANSWERBACK_AGENTS="tests.bench.noop:agents") as worker,
    ):
        return bench.run(_measure(running.url, port, (ingress.pid, worker.pid, running.pid), kind, count))
