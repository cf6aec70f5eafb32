"""Signed webhooks a second that one ingress process takes over HTTP, each stored before its 202."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from typing import cast

import uvloop

from tests.bench.bench import cpu_seconds, free_port, process, server
from tests.forks import ROOT

SECRET = "bench-secret"
REQUESTS = 24_000
CONNECTIONS = 64
SIZE = 8_192


def _deliveries(port: int) -> list[bytes]:
    """Whole HTTP requests: a real payload of `SIZE` bytes, each delivery its own, over 2,000 threads."""
    fixture = json.loads((ROOT / "answerback/testing/deliveries/github/issue_comment.created.json").read_text())
    payload = fixture["body"]
    # Of the repository's forty addresses, as many as make room for a body of the size that is measured.
    for name in [name for name in payload["repository"] if name.endswith("_url")]:
        if len(json.dumps(payload)) > SIZE - 600:
            del payload["repository"][name]
    requests = []
    for number in range(REQUESTS):
        payload["issue"]["number"] = number % 2_000 + 1
        payload["comment"]["id"] = number + 1
        payload["comment"]["body"] = "@answerbot what changed?"
        payload["issue"]["body"] = ""
        short = len(json.dumps(payload))
        payload["issue"]["body"] = "x" * max(0, SIZE - short)
        body = json.dumps(payload).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: issue_comment\r\n"
            f"X-GitHub-Delivery: bench-{number}\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, waiting: list[bytes], statuses: Counter[bytes], done: asyncio.Event) -> None:
        self._waiting = waiting
        self._statuses = statuses
        self._done = done
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        if self._waiting:
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
            self._answer = body[length:]
            if self._statuses.total() == REQUESTS:
                self._done.set()
            self._send()


async def _fire(port: int, waiting: list[bytes]) -> tuple[float, Counter[bytes]]:
    statuses: Counter[bytes] = Counter()
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Connection(waiting, statuses, done), "127.0.0.1", port)
    await done.wait()
    return time.perf_counter() - start, statuses


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


def run(module: str = "ingress", processes: int = 1) -> tuple[float, float]:
    """One run: (requests a second, requests a second of the CPU time of all receivers)."""
    if processes > 1:
        module = f"tools ingress --processes {processes}"
    port = free_port()
    waiting = _deliveries(port)
    with server() as (url, _), process(module, url, PORT=str(port), GITHUB_WEBHOOK_SECRET=SECRET) as receiver:
        uvloop.run(ready(port))
        before = cpu_seconds(receiver.pid)
        seconds, statuses = uvloop.run(_fire(port, waiting))
        cpu = cpu_seconds(receiver.pid) - before
    if statuses != {b"202": REQUESTS}:
        raise SystemExit(f"not every webhook was accepted: {dict(statuses)}")
    return REQUESTS / seconds, REQUESTS / cpu if cpu else 0.0
