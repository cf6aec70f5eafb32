"""One connection that all calls of a process to a server share: what is called at once is sent at once.

The client library's pool takes a connection for each call, and waits for its response before the connection serves the
next one: three times the CPU time. Connecting, with TLS, AUTH, Sentinels and inspection by the guard, is its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.store.connection.wire import INCOMPLETE, Packed, Value


class _Call:
    """Commands that were sent together, and the responses that have come so far."""

    __slots__ = ("answers", "count", "future", "sent")

    def __init__(self, future: asyncio.Future[list[object]], count: int, sent: float) -> None:
        self.future = future
        self.count = count
        self.sent = sent
        self.answers: list[object] = []


class Link(asyncio.Protocol):
    """An open connection. Responses come in the order of the commands; each call waits for those to its own."""

    def __init__(self, connection: Packed, timeout: float) -> None:
        self.connection = connection
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._calls: deque[_Call] = deque()
        self._unsent: list[bytes] = []
        self._watchdog: asyncio.TimerHandle | None = None
        self._retired = False
        self._heard = self._loop.time()
        # The handshake is over: from now on, responses come here instead of to the library's stream.
        self._transport = cast(asyncio.Transport, connection.writer.transport)
        self._former = self._transport.get_protocol()
        self._responses: Any = connection.responses
        self._transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """Whether it can serve another call."""
        if self._retired or self._transport.is_closing():
            return False
        # An idle connection may have been forgotten by whatever is in between.
        interval = self.connection.health_check_interval
        return not interval or bool(self._calls) or self._loop.time() - self._heard < interval

    def send(self, packed: Sequence[bytes]) -> asyncio.Future[list[object]]:
        """Send commands together. Their responses come in order, with errors as values."""
        future = self._loop.create_future()
        now = self._loop.time()
        self._calls.append(_Call(future, len(packed), now))
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent += packed
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(now + self._timeout, self._watch)
        return future

    def retire(self) -> None:
        """Close it when the calls in progress have ended. It serves no other."""
        self._retired = True
        if not self._calls:
            self.close()

    def close(self) -> None:
        """Close it at once. Calls in progress fail."""
        self._transport.abort()

    # The transport ----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        responses, calls = self._responses, self._calls
        try:
            responses.feed(data)
            while (answer := responses.gets()) is not INCOMPLETE:
                if not calls:
                    raise RedisConnectionError("an unexpected response came")
                if isinstance(answer, RedisError):
                    answer = self.connection.judged(answer)
                call = calls[0]
                call.answers.append(answer)
                if len(call.answers) == call.count:
                    calls.popleft()
                    if not call.future.done():
                        call.future.set_result(call.answers)
                if isinstance(answer, RedisConnectionError):
                    raise answer
        except RedisError as error:
            # After this, it is unknown which response belongs to which command, or the server serves us no more.
            self._fail(error)
            self.close()
        if self._retired and not calls:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._former.connection_lost(error)
        if self._watchdog:
            self._watchdog.cancel()
        self._fail(RedisConnectionError(f"Connection lost: {error}" if error else "Connection closed by server."))
        self.connection.forget()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport.is_closing():
            # Between the call and this. Nothing of it was sent.
            self._fail(RedisConnectionError("Connection closed by server."))
            return
        self._transport.write(unsent[0] if len(unsent) == 1 else b"".join(unsent))

    def _watch(self) -> None:
        """Fail when the oldest call has waited for too long: then its connection, or the server, hangs."""
        self._watchdog = None
        if not self._calls:
            return
        until = self._calls[0].sent + self._timeout
        if until <= self._loop.time():
            self._fail(RedisTimeoutError(f"Timeout reading from {self.connection.name}"))
            self.close()
        else:
            self._watchdog = self._loop.call_at(until, self._watch)

    def _fail(self, error: RedisError) -> None:
        while self._calls:
            call = self._calls.popleft()
            if not call.future.done():
                # Each gets its own: raising it adds to its traceback.
                call.future.set_exception(type(error)(str(error)))


class Pipe:
    """The shared connection to a server, opened by the first call and after each failure.

    `pool` makes the connections.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        options = pool.connection_kwargs
        self._timeout: float = options["socket_timeout"]
        self._link: Link | None = None
        self._opening: asyncio.Task[Link] | None = None

    async def call(self, *words: Value) -> object:
        """Run one command. Return its response, an error as a value."""
        link = self._link
        if link is None or not link.usable:
            link = await self._open()
        (answer,) = await link.send(link.connection.pack_command(*words))
        return answer

    async def ask(self, commands: Sequence[tuple[Value, ...]]) -> list[object]:
        """Send commands together, with nothing in between. Return their responses, with errors as values."""
        link = self._link
        if link is None or not link.usable:
            link = await self._open()
        return await link.send([link.connection.pack_command(*command)[0] for command in commands])

    async def _open(self) -> Link:
        # One connection for all who wait: one of them that is cancelled must not cancel it.
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(_seen)
        async with asyncio.timeout(self._timeout):
            return await asyncio.shield(self._opening)

    async def _connect(self) -> Link:
        if self._link:
            self._link.retire()
        connection: Packed = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            if await connection.can_read_destructive():
                raise RedisConnectionError("an unexpected response came")
        except BaseException:
            connection.forget()
            raise
        self._link = Link(connection, self._timeout)
        return self._link

    def leave_all_but(self, address: tuple[str, int]) -> None:
        """Close a connection to another server."""
        link: Any = self._link
        if link and (link.connection.host, int(link.connection.port)) != address:
            link.close()

    def retire(self) -> None:
        """Make another connection for the next call."""
        if self._link:
            self._link.retire()
            self._link = None

    def close(self) -> None:
        """Close the connection."""
        if self._opening:
            self._opening.cancel()
        if self._link:
            self._link.close()
            self._link = None


def _seen(task: asyncio.Task[Link]) -> None:
    """An error was raised by those who wait."""
    if not task.cancelled():
        task.exception()
