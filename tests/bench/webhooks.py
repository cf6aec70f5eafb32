"""Signed webhooks a second that one ingress process takes over HTTP, each stored before its 202."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections import Counter
from typing import NamedTuple, cast

from tests.bench import bench
from tests.bench.bench import Failed, cpu_seconds, free_port, percentile, process, server
from tests.forks import ROOT

SECRET = "bench-secret"
REQUESTS = 24_000
CONNECTIONS = 64
SIZE = 8_192


_made: list[bytes] = []


def deliveries(count: int) -> list[bytes]:
    """Return so many requests. They are made once."""
    if len(_made) < count:
        _made[:] = _requests(count)
    return _made[:count]


def _requests(count: int) -> list[bytes]:
    """Whole HTTP requests: a real payload of `SIZE` bytes, each delivery its own, over 2,000 threads."""
    fixture = json.loads((ROOT / "answerback/testing/deliveries/github/issue_comment.created.json").read_text())
    payload = fixture["body"]
    # Of the repository's forty addresses, as many as make room for a body of the size that is measured.
    for name in [name for name in payload["repository"] if name.endswith("_url")]:
        if len(json.dumps(payload)) > SIZE - 600:
            del payload["repository"][name]
    requests = []
    for number in range(count):
        payload["issue"]["number"] = number % 2_000 + 1
        payload["comment"]["id"] = number + 1
        payload["comment"]["body"] = "@answerbot what changed?"
        payload["issue"]["body"] = ""
        short = len(json.dumps(payload))
        payload["issue"]["body"] = "x" * max(0, SIZE - short)
        body = json.dumps(payload).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: issue_comment\r\n"
            f"X-GitHub-Delivery: bench-{number}\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, waiting: list[bytes], statuses: Counter[bytes], times: list[float], done: asyncio.Event) -> None:
        self._waiting = waiting
        self._total = len(waiting)
        self._statuses = statuses
        self._times = times
        self._sent = 0.0
        self._done = done
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        if self._waiting:
            self._sent = time.perf_counter()
            self._transport.write(self._waiting.pop())
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._statuses[head[9:12]] += 1
            self._times.append((time.perf_counter() - self._sent) * 1000)
            self._answer = body[length:]
            if len(self._times) == self._total:
                self._done.set()
            self._send()


async def fire(port: int, waiting: list[bytes]) -> tuple[float, Counter[bytes], list[float]]:
    statuses: Counter[bytes] = Counter()
    times: list[float] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    clients = [_Connection(waiting, statuses, times, done) for _ in range(CONNECTIONS)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await done.wait()
    return time.perf_counter() - start, statuses, sorted(times)


async def ready(port: int) -> None:
    """Wait until somebody listens there."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


class Webhooks(NamedTuple):
    """Webhooks a second; µs of CPU of the receivers for each; ms until the 202, p50 and p99."""

    rate: float
    cpu: float
    p50: float
    p99: float


def run(
    module: str = "ingress",
    processes: int = 1,
    *,
    count: int = REQUESTS,
    fsync: str = "always",
    tcp: bool = False,
    python: str = sys.executable,
    **variables: str,
) -> Webhooks:
    """One run, of ingress or of what else receives webhooks."""
    if processes > 1:
        module = f"tools ingress --processes {processes}"
    port = free_port()
    waiting = deliveries(count)
    with (
        server(fsync=fsync, tcp=tcp) as (url, _),
        process(module, url, python=python, PORT=str(port), GITHUB_WEBHOOK_SECRET=SECRET, **variables) as receiver,
    ):
        bench.run(ready(port))
        warmed = count // 10
        bench.run(fire(port, deliveries(count + warmed)[count:]))
        before = cpu_seconds(receiver.pid)
        seconds, statuses, times = bench.run(fire(port, waiting))
        cpu = cpu_seconds(receiver.pid) - before
    if statuses != {b"202": count}:
        raise Failed(f"not every webhook was accepted: {dict(statuses)}")
    return Webhooks(count / seconds, cpu / count * 1e6, percentile(times, 50), percentile(times, 99))
