"""How long a webhook takes to become a reply's request at its platform: an ingress, a worker, a stand-in, all idle."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple, cast

from answerback.platforms.standard.sending import compose
from answerback.platforms.standard.signature import sign
from tests.bench import bench
from tests.bench.bench import Failed, free_port, percentile, process, server
from tests.bench.webhooks import ready

SECRET = "whsec_YmVuY2gtc2VjcmV0LWJlbmNoLXNlY3JldA=="
ONE_BY_ONE = 300
AT_ONCE = 4_000
CONNECTIONS = 64


class Posts(NamedTuple):
    """ms from the webhook to its 202, and to the POST at the platform, p50 and p99, one at a time; POSTs a second of
    many at once."""

    accepted_p50: float
    accepted_p99: float
    p50: float
    p99: float
    rate: float


class _Platform(asyncio.Protocol):
    """Accepts every reply, and notes when it came."""

    def __init__(self, posted: asyncio.Queue[float]) -> None:
        self._posted = posted
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, separator, body = self._request.partition(b"\r\n\r\n")
        if separator and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            self._posted.put_nowait(time.perf_counter())
            self._request = b""
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def _webhook(port: int, number: int) -> bytes:
    id, timestamp = f"bench-{number}", str(int(time.time()))
    body = compose("What does the next release change?", thread=f"bench-{number}", author="ada")
    head = (
        f"POST /webhooks/standard HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"webhook-id: {id}\r\nwebhook-timestamp: {timestamp}\r\n"
        f"webhook-signature: {sign(SECRET, id, timestamp, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(port: int, numbers: range) -> float:
    """Send webhooks on one connection, each after the response to the last. Return when the last one was accepted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        writer.write(_webhook(port, number))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 202 " not in head:
            raise Failed(f"a webhook was not accepted: {head.decode()}")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    accepted = time.perf_counter()
    writer.close()
    return accepted


async def _measure(port: int, platform: int, alone: int, many: int) -> Posts:
    posted: asyncio.Queue[float] = asyncio.Queue()
    standin = await asyncio.get_running_loop().create_server(lambda: _Platform(posted), "127.0.0.1", platform)
    await ready(port)
    took, accepted = [], []
    async with asyncio.timeout(300):
        for number in range(alone):
            began = time.perf_counter()
            sending = asyncio.create_task(_send(port, range(number, number + 1)))
            took.append((await posted.get() - began) * 1000)
            accepted.append((await sending - began) * 1000)
        each = many // CONNECTIONS
        first = range(alone, alone + each * CONNECTIONS, each)
        began = time.perf_counter()
        sending_all = asyncio.gather(*[_send(port, range(number, number + each)) for number in first])
        for _ in range(each * CONNECTIONS):
            await posted.get()
        rate = each * CONNECTIONS / (time.perf_counter() - began)
        await sending_all
    standin.close()
    took, accepted = sorted(took[alone // 10 :]), sorted(accepted[alone // 10 :])
    return Posts(percentile(accepted, 50), percentile(accepted, 99), percentile(took, 50), percentile(took, 99), rate)


def run(alone: int = ONE_BY_ONE, many: int = AT_ONCE) -> Posts:
    """One run."""
    port, platform = free_port(), free_port()
    variables = {
        "STANDARD_WEBHOOKS_SECRET": SECRET,
        "STANDARD_WEBHOOKS_REPLY_URL": f"http://127.0.0.1:{platform}/replies",
    }
    with (
        server() as (url, _),
        process("ingress", url, PORT=str(port), **variables),
        process("worker", url, ANSWERBACK_AGENTS="tests.bench.noop:agents", **variables),
    ):
        return bench.run(_measure(port, platform, alone, many))
