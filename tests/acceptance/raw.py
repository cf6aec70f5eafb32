"""HTTP as strangers write it: bytes in, whatever comes back out."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from typing import NamedTuple

from answerback.testing.standins.signatures import Delivery
from tests.acceptance.system import PATIENCE


class Answer(NamedTuple):
    """One response, as far as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """A request that ends its connection; `line` without its version, if that is 1.1."""
    line = line if " HTTP/" in line else f"{line} HTTP/1.1"
    head = "\r\n".join([line, "Host: localhost", "Connection: close", *headers])
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def webhook(platform: str, delivery: Delivery, *headers: str, length: int | None = None) -> bytes:
    """A signed webhook, with more headers; `length` is what it says of its body."""
    said = [f"{name}: {value}" for name, value in delivery.headers.items()]
    size = len(delivery.body) if length is None else length
    return request(f"POST /webhooks/{platform}", *said, f"Content-Length: {size}", *headers, body=delivery.body)


async def ask(
    port: int, *parts: bytes, end: bool = False, head: bool = False, within: float = PATIENCE
) -> list[Answer]:
    """Send, and read until the other side closes; with `end`, our side is closed first. What was answered.

    With `head`, the answer may be a stream that never ends: its headers are enough.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, parts, end))
    received = bytearray()
    try:
        async with asyncio.timeout(within):
            with suppress(ConnectionError):
                while some := await reader.read(1 << 16):
                    received += some
                    if head and b"\r\n\r\n" in received:
                        break
    except TimeoutError:
        raise AssertionError(f"still open after {within:g} s, having said {bytes(received[:300])!r}") from None
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return answers(bytes(received))


async def _send(writer: asyncio.StreamWriter, parts: tuple[bytes, ...], end: bool) -> None:
    with suppress(ConnectionError):
        for part in parts:
            for at in range(0, len(part), 1 << 16):
                writer.write(part[at : at + (1 << 16)])
                await writer.drain()
        if end:
            writer.write_eof()


def exchange(port: int, sent: bytes) -> list[Answer]:
    """The same for who cannot await. What is sent must make the other side close."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        while some := connection.recv(1 << 16):
            received += some
    return answers(bytes(received))


def answers(received: bytes) -> list[Answer]:
    """The responses in what was received; ours all say how long they are."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        status = re.fullmatch(r"HTTP/(?:0\.9|1\.[01]) (\d{3}) .*", line)
        assert status, received[:300]
        if status[1] == "100":
            found.append(Answer(100, {}, b""))
            received = rest
            continue
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        length = int(headers.get("content-length", "0"))
        found.append(Answer(int(status[1]), headers, rest[:length]))
        received = rest[length:]
    return found
