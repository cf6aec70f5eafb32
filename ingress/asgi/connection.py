"""One request of an ASGI server as aiohttp sees it. Only here the mounts rely on internals of aiohttp.

`tests/unit/test_aiohttp_asgi.py` checks each fact that we rely on, on its own:

- `web.Server.request_factory` makes a request of a `RawRequestMessage`, a `StreamReader`, a protocol, a writer and a
  task, and `web.Server.request_handler` responds to it.
- A request takes `transport`, `ssl_context`, `peername` and `sockname` from its protocol.
- A `StreamReader` calls `pause_reading` of its protocol when it is full, and `resume_reading` when it has been read,
  if the protocol's `_reading_paused` is set.
- A response is written through the `AbstractStreamWriter`: `write_headers`, `write`, `write_eof`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal, cast
from urllib.parse import quote

from aiohttp import HttpVersion, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .types import Scope, Send

BUFFER = 65_536
"""Bytes of a body that are kept before it is read; up to twice as many arrive before the server has to wait."""
SERVERS = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding"})
"""Response headers that the ASGI server writes itself."""

_PATH = "/%:@!$&'()*+,;=~"
_QUERY = _PATH + "?"


class Transport(asyncio.Transport):
    """The connection, as far as handlers ask for it. `state`: "lost" when the client left, "cut" when we closed it."""

    def __init__(self) -> None:
        super().__init__()
        self.state: Literal["open", "lost", "cut"] = "open"

    def is_closing(self) -> bool:
        """Return whether nothing more can be sent."""
        return self.state != "open"

    def close(self) -> None:
        """Break the response off."""
        self.abort()

    def abort(self) -> None:
        """Break the response off: its client sees that it is incomplete."""
        if self.state == "open":
            self.state = "cut"

    def lose(self) -> None:
        """Note that the client has disconnected."""
        if self.state == "open":
            self.state = "lost"


class Protocol(BaseProtocol):
    """The connection of a request, and the backpressure of its body."""

    def __init__(self, scope: Scope, transport: Transport) -> None:
        super().__init__(asyncio.get_running_loop())
        self.transport = transport
        self.peername = tuple(scope["client"]) if scope.get("client") else None
        self.sockname = tuple(scope["server"]) if scope.get("server") else None
        # Only whether there is one is asked for.
        self.ssl_context = scope.get("scheme") == "https" or None
        self._readable = asyncio.Event()
        self._readable.set()

    def pause_reading(self) -> None:
        """Take no more of the body for now."""
        self._reading_paused = True
        self._readable.clear()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Take more of the body."""
        self._reading_paused = False
        self._readable.set()

    async def readable(self) -> None:
        """Wait until more of the body may arrive."""
        await self._readable.wait()


class Writer(AbstractStreamWriter):
    """Sends a response as ASGI messages. `prefix`: what the mount adds to paths, instead of `root`."""

    def __init__(self, send: Send, transport: Transport, root: str, prefix: str) -> None:
        self._send = send
        self._transport = transport
        self._root = root
        self._prefix = prefix
        self.begun = False
        """Whether the status was sent."""
        self.ended = False
        """Whether the response is complete."""

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        """Send the status and the headers."""
        self._ensure_open()
        self.begun = True
        await self._send(
            {
                "type": "http.response.start",
                "status": int(status_line.split(" ", 2)[1]),
                "headers": [
                    (name.lower().encode("latin-1"), self._value(name, value).encode("utf-8"))
                    for name, value in headers.items()
                    if name.lower() not in SERVERS
                ],
            }
        )

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Send a part of the body, and wait until the client has taken enough. Raises ConnectionResetError."""
        self._ensure_open()
        if chunk:
            self.output_size += len(chunk)
            await self._send({"type": "http.response.body", "body": bytes(chunk), "more_body": True})

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Send the last part of the body. Raises ConnectionResetError."""
        self._ensure_open()
        if not self.ended:
            self.ended = True
            self.output_size += len(chunk)
            await self._send({"type": "http.response.body", "body": bytes(chunk), "more_body": False})

    async def drain(self) -> None:
        """Do nothing: each message waits until it was sent."""

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Raise RuntimeError: no route compresses its response while it is written."""
        raise RuntimeError("a mounted response cannot be compressed")

    def enable_chunking(self) -> None:
        """Do nothing: the server frames the body."""

    def _ensure_open(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")

    def _value(self, name: str, value: str) -> str:
        if name.lower() == "location" and value.startswith("/"):
            return self._root + value.removeprefix(self._prefix)
        return value


def make_request(
    server: web.Server, scope: Scope, path: str, body: StreamReader, protocol: Protocol, writer: Writer
) -> web.BaseRequest:
    """Return the aiohttp request of an HTTP scope. `path` is percent-encoded, without the mount's own."""
    headers: CIMultiDict[str] = CIMultiDict()
    raw: list[tuple[bytes, bytes]] = []
    for name, value in scope["headers"]:
        # The server itself responds to "Expect: 100-continue", when the body is first read.
        if name.lower() != b"expect":
            raw.append((name, value))
            headers.add(name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
    encoded = quote(path or "/", safe=_PATH)
    query = quote(scope.get("query_string", b""), safe=_QUERY)
    message = RawRequestMessage(
        method=scope["method"],
        path=f"{encoded}?{query}" if query else encoded,
        version=HttpVersion(1, 0 if scope.get("http_version") == "1.0" else 1),
        headers=CIMultiDictProxy(headers),
        raw_headers=tuple(raw),
        should_close=False,
        compression=None,
        upgrade=False,
        chunked="chunked" in headers.get("Transfer-Encoding", "").lower(),
        url=URL.build(path=encoded, query_string=query, encoded=True),
    )
    task = cast("asyncio.Task[None]", asyncio.current_task())
    return server.request_factory(message, body, cast(Any, protocol), writer, task)


async def respond(server: web.Server, request: web.BaseRequest) -> web.StreamResponse:
    """Return the application's response to a request."""
    return await server.request_handler(request)


def body_of(protocol: Protocol) -> StreamReader:
    """Return the empty body of a request, to be fed."""
    return StreamReader(protocol, BUFFER, loop=asyncio.get_running_loop())
