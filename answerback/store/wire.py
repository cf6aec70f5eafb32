"""Connection classes for the client library: commands packed in C, safe cancellation, and inspection by a guard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import hiredis
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.errors import StoreUnfit

if TYPE_CHECKING:
    from answerback.store.guard import Guard

Value = str | bytes | int


class Unfit(RedisError):
    """Replaces `StoreUnfit` inside `on_connect`, where the client library only lets its own errors pass."""


class Packed(AbstractConnection):
    """Packs commands in C (a group commit has thousands of arguments), and can be cancelled safely while sending.

    With a guard, nothing is sent before the guard has inspected the server.
    """

    def __init__(self, *args: Any, guard: Guard | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard

    async def on_connect(self) -> None:
        try:
            async with asyncio.timeout(self.socket_connect_timeout):
                await super().on_connect()
                # Only a name in CLIENT LIST: connect without it if the user may not set it.
                commands: list[tuple[Value, ...]] = [("CLIENT", "SETNAME", "answerback")]
                await self.ask(commands)
                if self._guard:
                    await self._guard.meet(self.ask)
        except StoreUnfit as error:
            raise Unfit(str(error)) from error
        except TimeoutError:
            raise RedisTimeoutError from None
        except BaseException:
            # With a partial handshake, later responses would be attributed to the wrong commands.
            await self.disconnect(nowait=True)
            raise

    async def ask(self, commands: Sequence[tuple[Value, ...]]) -> list[object]:
        """Send commands together. Return their responses in order, with errors as values."""
        await self.send_packed_command([self.pack_command(*command)[0] for command in commands], check_health=False)
        answers: list[object] = []
        for _ in commands:
            try:
                answers.append(await self.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers

    def pack_command(self, *args: Any) -> list[bytes]:
        words = args[0].split() + list(args[1:]) if isinstance(args[0], str) and " " in args[0] else args
        return [hiredis.pack_command(tuple(words))]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        # The base class limits a write with asyncio.wait_for, which in Python 3.11 swallows a cancellation that arrives
        # just as the write ends: a cancelled loop would run forever.
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(command, check_health)
        finally:
            self.socket_timeout = limit


class TCP(Packed, Connection):
    """redis://."""


class TLS(Packed, SSLConnection):
    """rediss://."""


class Unix(Packed, UnixDomainSocketConnection):
    """unix://."""

    async def _connect(self) -> None:
        # The base class performs the handshake here as well, so it would be done twice.
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(path=self.path)
