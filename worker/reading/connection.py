"""A connection to a platform, which is read by one worker at a time."""

from __future__ import annotations

import asyncio
import random

import aiohttp

from answerback.errors import DeliveryError, RateLimited, Rejected, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms.reading import Reader
from answerback.store.fleet.connections import Connections

from ..backoff import Backoff
from ..metrics import CONNECTED
from .intake import Intake
from .web_socket import OPENED_WITHIN, PlatformSocket

log = get_logger(__name__)

RENEWED, MISSED = 0.2, 0.6
"""Parts of a lease: after which it is renewed, and after which another worker takes it over if it was not.

With the time between two looks of whoever waits, another one reads within a lease.
"""
AGAIN = Backoff(0.5, 60)
REFUSED = 60.0
"""Seconds until a connection that the platform refuses is tried again: its token may be replaced by then."""


class Connection:
    """One connection of a platform: "slack/socket".

    The worker that holds its lease keeps a socket open. Where the platform announces that it will close it, another
    one is opened first: there may be two for a moment, and what both deliver is stored once.
    """

    def __init__(
        self, name: str, reader: Reader, intake: Intake, http: PlatformHttp, leases: Connections, *, owner: str,
        lease: float,
    ) -> None:  # fmt: skip
        self._name = name
        self._platform = name.partition("/")[0]
        self._reader = reader
        self._intake = intake
        self._http = http
        self._leases = leases
        self._owner = owner
        self._lease = lease
        self._failures = 0

    async def keep(self) -> None:
        """Read whenever the lease is ours, forever."""
        reading: asyncio.Task[None] | None = None
        try:
            while True:
                held = await self._hold()
                if held and (reading is None or reading.done()):
                    log.info("reading a connection", connection=self._name)
                    reading = asyncio.create_task(self._read())
                elif held is False and reading is not None:
                    log.warning("another worker reads this connection now", connection=self._name)
                    await _cancelled(reading)
                    reading = None
                # Workers that wait do not all ask at the same time.
                await asyncio.sleep(self._lease * (RENEWED if held else random.uniform(0.15, 0.2)))
        finally:
            if reading is not None:
                await _cancelled(reading)
                await self._release()

    async def _hold(self) -> bool | None:
        """Take or renew the lease. Return whether we have it; None if that is not known."""
        try:
            return await self._leases.hold(self._name, self._owner, self._lease * MISSED)
        except (StoreUnavailable, StoreFull):
            return None  # nothing can be stored either, so it does no harm to stay connected

    async def _release(self) -> None:
        try:
            await self._leases.release(self._name, self._owner)
        except (StoreUnavailable, StoreFull):
            pass  # it ends by itself

    async def _read(self) -> None:
        """Keep a socket open, forever."""
        running: dict[asyncio.Task[None], PlatformSocket] = {}
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            try:
                while True:
                    socket = await self._opened(session, running)
                    CONNECTED.labels(self._platform).set(1)
                    for task, former in list(running.items()):
                        if former is not socket:
                            await former.close()
                            await _cancelled(task)
                            del running[task]
                    await socket.leaving.wait()
                    CONNECTED.labels(self._platform).set(0)
                    log.info("connection ends; opening another", connection=self._name, reason=socket.reason)
                    if socket.off:
                        log.error("the platform has turned this connection off", connection=self._name)
                        await asyncio.sleep(REFUSED)
            finally:
                CONNECTED.labels(self._platform).set(0)
                for task in running:
                    await _cancelled(task)

    async def _opened(
        self, session: aiohttp.ClientSession, running: dict[asyncio.Task[None], PlatformSocket]
    ) -> PlatformSocket:
        """Open a socket, however often that has to be tried. Return it once it delivers."""
        while True:
            try:
                url = await self._http.perform(self._reader.connect(await self._leases.position(self._name)))
            except RateLimited as limit:
                await self._failed(str(limit), limit.seconds)
                continue
            except Rejected as refusal:
                await self._failed(str(refusal), REFUSED)
                continue
            except (DeliveryError, StoreUnavailable, StoreFull) as error:
                await self._failed(str(error))
                continue
            socket = PlatformSocket(self._reader, self._intake, self._moved)
            task = asyncio.create_task(socket.run(session, url))
            running[task] = socket
            ready = asyncio.create_task(socket.ready.wait())
            try:
                await asyncio.wait((ready, task), timeout=OPENED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ready.cancel()
            if socket.ready.is_set():
                self._failures = 0
                return socket
            await _cancelled(task)
            del running[task]
            await self._failed(socket.reason or "the platform did not say that it delivers")

    async def _moved(self, position: str) -> None:
        try:
            await self._leases.move(self._name, position)
        except (StoreUnavailable, StoreFull):
            pass  # what follows is delivered again, and is a duplicate

    async def _failed(self, reason: str, wait: float = 0.0) -> None:
        self._failures += 1
        wait = max(wait, AGAIN.after(self._failures))
        log.warning("connection not opened", connection=self._name, error=reason, next_try=round(wait, 1))
        await asyncio.sleep(wait)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
