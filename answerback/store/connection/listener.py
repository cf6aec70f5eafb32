"""A connection that is subscribed to channels."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.store.connection.translation import translated
from answerback.store.connection.wire import INCOMPLETE, Packed

QUIET = 15.0
"""Seconds without a message after which the connection is checked with a PING, and then given up."""

Item = tuple[str, str, bytes]
"""What arrives: its kind ("message", "subscribe", …), its channel, and the payload of a message."""


class Listener(asyncio.Protocol):
    """A subscribed connection. Its methods raise `StoreUnavailable`."""

    def __init__(self, connection: Packed) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._items: list[Item] = []
        self._unsent: list[bytes] = []
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._asked = False
        self._heard = self._loop.time()
        # The handshake is over: from now on, messages come here instead of to the library's stream.
        self._responses: Any = connection.responses
        self._transport = cast(asyncio.Transport, connection.writer.transport)
        self._former = self._transport.get_protocol()
        self._transport.set_protocol(self)
        self._watchdog = self._loop.call_later(QUIET, self._watch)

    def send(self, command: str, *channels: str) -> None:
        """Send SUBSCRIBE or UNSUBSCRIBE; `read` returns the response."""
        # What is sent at once is one write: busy followers come and go by the hundred.
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(self._connection.pack_command(command, *channels)[0])

    def close(self) -> None:
        """Close the connection: `read` raises."""
        self._transport.abort()

    async def read(self) -> list[Item]:
        """Return all that has arrived since the last call; wait until something has."""
        while not self._items:
            if self._error:
                with translated():
                    raise self._error
            self._news.clear()
            await self._news.wait()
        items, self._items = self._items, []
        return items

    def data_received(self, data: bytes) -> None:
        self._heard, self._asked = self._loop.time(), False
        try:
            self._responses.feed(data)
            while (item := self._responses.gets()) is not INCOMPLETE:
                if isinstance(item, RedisError):
                    raise item
                # Without any subscription, the response to PING is a simple string.
                if isinstance(item, list) and item[0] != b"pong":
                    kind, channel, payload = item
                    self._items.append(
                        (kind.decode(), (channel or b"").decode(), payload if isinstance(payload, bytes) else b"")
                    )
        except RedisError as error:
            self._fail(error)
        self._news.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._watchdog.cancel()
        self._former.connection_lost(error)
        self._fail(RedisConnectionError(f"Connection lost: {error}" if error else "Connection closed by server."))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self._transport.is_closing():
            self._transport.write(b"".join(unsent))

    def _watch(self) -> None:
        silent = self._loop.time() - self._heard
        if silent >= QUIET:
            if self._asked:
                self._fail(RedisTimeoutError(f"{self._connection.name} does not respond to PING"))
                return
            self._asked, silent = True, 0.0
            self._heard = self._loop.time()
            self.send("PING")
        self._watchdog = self._loop.call_later(QUIET - silent, self._watch)

    def _fail(self, error: RedisError) -> None:
        if self._error is None:
            self._error = error
        self._news.set()
        self.close()
