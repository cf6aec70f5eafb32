"""Redis pub/sub on one connection that reconnects automatically."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from answerback.errors import StoreUnavailable
from answerback.log import get_logger
from answerback.store.redis import Database, Listener

log = get_logger(__name__)

AGAIN, LONGEST = 0.2, 2.0
"""First and longest delay before reconnecting, in seconds."""


class Subscription:
    """A subscribed connection. `on_message(channel, message)` is called for each message, in order.

    Messages published while the connection is lost are missed: `on_connect()` is called after each connect, so that
    callers can read what is stored.
    """

    def __init__(
        self, database: Database, on_message: Callable[[str, bytes], None], on_connect: Callable[[], None]
    ) -> None:
        self._database = database
        self._on_message = on_message
        self._on_connect = on_connect
        self._listener: Listener | None = None
        self._channels: dict[str, asyncio.Future[None]] = {}
        self._unconfirmed: Counter[str] = Counter()
        # What another server published before it took over may be missing, and ours may be hanging.
        database.on_change(self._restart)

    async def add(self, channel: str) -> None:
        """Subscribe to a channel. After this returns, every message is received, or `on_connect` is called.

        Raises `StoreUnavailable` if Redis does not confirm it in time.
        """
        self.begin(channel)
        if self._channels[channel].done():
            return
        # The future is shared by all waiting callers: one that is cancelled must not cancel it.
        try:
            async with asyncio.timeout(self._database.timeout):
                await asyncio.shield(self._channels[channel])
        except TimeoutError:
            raise StoreUnavailable("Redis did not respond in time.") from None

    def begin(self, channel: str) -> bool:
        """Begin to subscribe to a channel. Return whether there is a connection, so that it should not take long."""
        if channel not in self._channels:
            self._channels[channel] = asyncio.get_running_loop().create_future()
            self._subscribe(channel)
        return self._listener is not None

    def drop(self, channel: str) -> None:
        """Unsubscribe from a channel."""
        if self._channels.pop(channel, None) and self._listener:
            self._listener.send("UNSUBSCRIBE", channel)

    async def keep(self) -> None:
        """Listen forever."""
        # Imported here: who only reads what is stored subscribes to nothing.
        from tenacity import AsyncRetrying, retry_if_result

        from answerback.restarts import RestartPause

        reconnecting = AsyncRetrying(
            retry=retry_if_result(lambda _: True), wait=RestartPause(first=AGAIN, longest=LONGEST)
        )
        await reconnecting(self._connect)

    def _restart(self) -> None:
        if self._listener:
            self._listener.close()

    async def _connect(self) -> None:
        """Listen until the connection is lost."""
        try:
            async with self._database.listening() as listener:
                await self._listen(listener)
        except StoreUnavailable as error:
            log.debug("subscription lost; reconnecting", error=str(error), channels=len(self._channels))
        except Exception:
            # This loop must never end, or all followers would wait forever.
            log.exception("subscription failed", channels=len(self._channels))
        finally:
            self._listener = None

    def _subscribe(self, *channels: str) -> None:
        if self._listener and channels:
            # A channel may be dropped and added again before the first confirmation: the last one counts.
            self._unconfirmed.update(channels)
            self._listener.send("SUBSCRIBE", *channels)

    async def _listen(self, listener: Listener) -> None:
        self._listener = listener
        self._unconfirmed.clear()
        self._subscribe(*self._channels)
        self._on_connect()
        while True:
            for kind, channel, message in await listener.read():
                if kind == "message":
                    self._on_message(channel, message)
                elif kind == "subscribe":
                    self._confirm(channel)

    def _confirm(self, channel: str) -> None:
        self._unconfirmed[channel] -= 1
        if self._unconfirmed[channel] > 0:
            return
        del self._unconfirmed[channel]
        confirmed = self._channels.get(channel)
        if confirmed and not confirmed.done():
            confirmed.set_result(None)
