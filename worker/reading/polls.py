"""Reading a connection by long polling: what a request brings is stored, then the position, then comes the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from answerback.errors import DeliveryError, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms.reading import Poller, Received
from answerback.store.fleet.connections import Connections

from ..metrics import CONNECTED
from .attempts import Attempts
from .intake import Intake, NotStored

log = get_logger(__name__)

STORE_AGAIN = 1.0
"""Seconds until what could not be stored is asked for again."""


class Polls:
    """See `Reading`. `timeout`: seconds that a request may take beyond the time for which the platform holds it."""

    def __init__(self, name: str, poller: Poller, intake: Intake, leases: Connections, *, timeout: float) -> None:
        self._name = name
        self._platform = name.partition("/")[0]
        self._poller = poller
        self._intake = intake
        self._leases = leases
        self._timeout = timeout

    async def read(self) -> None:
        """Ask again and again, forever."""
        http = PlatformHttp(timeout=self._poller.hold + self._timeout)
        attempts = Attempts(self._name, http)
        try:
            while True:
                try:
                    position = await self._leases.position(self._name)
                except (StoreUnavailable, StoreFull) as error:
                    await attempts.failed(str(error))
                    continue
                received = await attempts.perform(self._poller.poll(position))
                CONNECTED.labels(self._platform).set(received is not None)
                if received is not None:
                    attempts.succeeded()
                    await self._store(received, http)
        finally:
            CONNECTED.labels(self._platform).set(0)
            await http.close()

    async def _store(self, received: Sequence[Received], http: PlatformHttp) -> None:
        """Store what was received, in order. What comes after something that cannot be stored is asked for again."""
        position, complete = "", True
        for each in received:
            try:
                answer = await self._intake.take(each.delivery) if each.delivery else None
            except NotStored:
                complete = False
                break
            position = each.position or position
            if answer and answer.body:
                with suppress(DeliveryError):
                    await http.perform(self._poller.respond(answer))
        if position:
            # Otherwise what follows is delivered again, and is a duplicate.
            with suppress(StoreUnavailable, StoreFull):
                await self._leases.move(self._name, position)
        if not complete:
            log.warning("updates not stored; they are asked for again", connection=self._name)
            await asyncio.sleep(STORE_AGAIN)
