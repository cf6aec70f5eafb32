"""A connection that is subscribed to channels."""

from __future__ import annotations

from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.store.connection.translation import translated
from answerback.store.connection.wire import Packed

QUIET = 15.0
"""Seconds without a message after which the connection is checked with a PING."""


class Listener:
    """A subscribed connection. Its methods raise `StoreUnavailable`."""

    def __init__(self, connection: Packed) -> None:
        self._connection = connection

    async def send(self, command: str, *channels: str) -> None:
        """Send SUBSCRIBE or UNSUBSCRIBE; `read` returns the response."""
        with translated():
            await self._connection.send_command(command, *channels)

    def close(self) -> None:
        """Close the connection: `read` raises."""
        self._connection.abort()

    async def read(self) -> tuple[str, str, bytes]:
        """Return the next item: its kind ("message", "subscribe", …), its channel, and the payload of a message."""
        with translated():
            asked = False
            # Without any subscription, the response to PING is a simple string.
            while not isinstance(message := await self._connection.read_response(timeout=QUIET), list) or (
                message[0] == b"pong"
            ):
                if message is None and asked:
                    raise RedisTimeoutError
                if asked := message is None:
                    await self._connection.send_command("PING")
        kind, channel, payload = message
        return kind.decode(), (channel or b"").decode(), payload if isinstance(payload, bytes) else b""
