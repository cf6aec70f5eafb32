"""Connection classes for the client library: commands packed in C, safe cancellation, and inspection by a guard."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection, RedisSSLContext
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.errors import StoreUnfit

if TYPE_CHECKING:
    from answerback.store.guard import Guard

Value = str | bytes | int

INCOMPLETE = NOT_ENOUGH_DATA
"""What `Packed.responses` returns when a response has not arrived completely."""


class Unfit(RedisError):
    """Replaces `StoreUnfit` inside `on_connect`, where the client library only lets its own errors pass."""


class Demoted(RedisConnectionError):
    """The server is not a master any more: the next connection goes to the new one."""


class Refused(RedisConnectionError):
    """The server closed the connection before it was in use, or does not speak TLS."""


class Packed(AbstractConnection):
    """Packs commands in C (a group commit has thousands of arguments), and can be cancelled safely while sending.

    With a guard, nothing is sent before the guard has inspected the server.
    """

    advice = "if the server requires TLS, start REDIS_URL with rediss"
    """What to do if the server closes the connection at once."""

    def __init__(self, *args: Any, guard: Guard | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard

    @property
    def name(self) -> str:
        """The server of this connection: its host and port, or its socket."""
        return self._host_error()

    async def on_connect(self) -> None:
        try:
            async with asyncio.timeout(self.socket_connect_timeout):
                await super().on_connect()
                await self._introduce()
                if self._guard:
                    await self._guard.meet(self.name, self.ask)
        except StoreUnfit as error:
            raise Unfit(str(error)) from error
        except TimeoutError:
            raise RedisTimeoutError from None
        except BaseException as error:
            # With a partial handshake, later responses would be attributed to the wrong commands.
            await self.disconnect(nowait=True)
            if type(error) is RedisConnectionError:
                raise Refused(f"{error}: {self.advice}") from error
            raise

    async def _introduce(self) -> None:
        # Only a name in CLIENT LIST: connect without it if the user may not set it.
        await self.ask([("CLIENT", "SETNAME", "answerback")])

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

    async def can_read_destructive(self) -> bool:
        """Return whether a pooled connection is unusable: it was closed, or holds an unread response."""
        # Asked before each command. The base class waits for the socket with a time limit of zero, which takes a
        # third of a command's time; what has arrived, the event loop has read by now.
        reader: Any = self._reader
        parser: Any = self._parser
        return bool(reader.exception() or reader.at_eof() or reader._buffer or parser._reader.has_data())

    @property
    def writer(self) -> asyncio.StreamWriter:
        """The stream to the server, while connected."""
        writer: asyncio.StreamWriter | None = self._writer
        assert writer is not None, "not connected"
        return writer

    @property
    def responses(self) -> hiredis.Reader:
        """What takes responses apart: it is fed what arrives."""
        parser: Any = self._parser
        reader: hiredis.Reader = parser._reader
        return reader

    def judged(self, error: RedisError) -> RedisError:
        """Return what an error response means for the caller. A `RedisConnectionError` ends the connection."""
        return error

    def forget(self) -> None:
        """Close the connection without waiting for anything, if it is open."""
        self.abort()
        self._writer = self._reader = None

    def abort(self) -> None:
        """Close the connection at once: its reader gets an error."""
        # Closing it normally waits until everything is sent, and with TLS up to 30 s for the server to agree. If the
        # server hangs, those who wait for a response would not notice until then.
        if self._writer:
            self._writer.transport.abort()

    async def disconnect(self, nowait: bool = False) -> None:
        self.abort()
        await super().disconnect(nowait)

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


class _Secure(Packed):
    """Says what may be wrong with the TLS settings."""

    advice = "if the server requires a client certificate, add ssl_certfile= and ssl_keyfile= to REDIS_URL"
    ssl_context: RedisSSLContext

    async def connect(self) -> None:
        self.ssl_context = _shared(self.ssl_context)
        try:
            await super().connect()  # type: ignore[no-untyped-call]
        except RedisTimeoutError:
            raise Refused(
                f"{self.name} does not respond to TLS: if it does not use TLS, start REDIS_URL with redis "
                "instead of rediss"
            ) from None


class TLS(_Secure, SSLConnection):
    """rediss://."""


def _shared(own: RedisSSLContext) -> RedisSSLContext:
    """Return the context of all connections with the same settings, and a new one when a file was replaced."""
    # Each connection would make its own: reading this machine's authorities takes 20 ms, in which nothing else happens.
    files = own.keyfile, own.certfile, own.ca_certs
    changed = tuple(os.stat(path).st_mtime_ns for path in files if path)
    return _context(*files, own.cert_reqs, own.check_hostname, changed)


@lru_cache(maxsize=8)
def _context(
    key: str | None,
    certificate: str | None,
    authorities: str | None,
    required: ssl.VerifyMode,
    names: bool,
    changed: tuple[int, ...],
) -> RedisSSLContext:
    context = RedisSSLContext(key, certificate, ca_certs=authorities, check_hostname=names)
    context.cert_reqs = required
    return context


class Unix(Packed, UnixDomainSocketConnection):
    """unix://."""

    async def _connect(self) -> None:
        # The base class performs the handshake here as well, so it would be done twice.
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(path=self.path)


class Master(Packed, SentinelManagedConnection):
    """redis+sentinel://: to the server that is the master now."""

    async def _introduce(self) -> None:
        # A Sentinel may be behind, and name a server that has become a replica.
        _, greeting = await self.ask([("CLIENT", "SETNAME", "answerback"), ("HELLO",)])
        if isinstance(greeting, list) and {b"replica", b"slave"} & {each for each in greeting if type(each) is bytes}:
            raise Demoted(f"{self.name} is not the master any more")

    def judged(self, error: RedisError) -> RedisError:
        if isinstance(error, ReadOnlyError):
            return Demoted(f"{self.name} is not the master any more: {error}")
        return error

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await Connection.read_response(self, *args, **options)
        except ReadOnlyError as error:
            await self.disconnect(nowait=True)
            raise self.judged(error) from None


class SecureMaster(Master, _Secure, SentinelManagedSSLConnection):
    """rediss+sentinel://."""
