"""Reading a connection over WebSockets: one is open, and another one is opened before the platform closes it."""

from __future__ import annotations

import asyncio

import aiohttp

from answerback.errors import StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms.reading import Reader
from answerback.store.fleet.connections import Connections

from ..metrics import CONNECTED
from .attempts import REFUSED, Attempts
from .connection import cancelled
from .intake import Intake
from .web_socket import OPENED_WITHIN, PlatformSocket

log = get_logger(__name__)


class Sockets:
    """See `Reading`. There may be two sockets for a moment, and what both deliver is stored once."""

    def __init__(self, name: str, reader: Reader, intake: Intake, http: PlatformHttp, leases: Connections) -> None:
        self._name = name
        self._platform = name.partition("/")[0]
        self._reader = reader
        self._intake = intake
        self._attempts = Attempts(name, http)
        self._leases = leases

    async def read(self) -> None:
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
                            await cancelled(task)
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
                    await cancelled(task)

    async def _opened(
        self, session: aiohttp.ClientSession, running: dict[asyncio.Task[None], PlatformSocket]
    ) -> PlatformSocket:
        """Open a socket, however often that has to be tried. Return it once it delivers."""
        while True:
            try:
                position = await self._leases.position(self._name)
            except (StoreUnavailable, StoreFull) as error:
                await self._attempts.failed(str(error))
                continue
            url = await self._attempts.perform(self._reader.connect(position))
            if url is None:
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
                self._attempts.succeeded()
                return socket
            await cancelled(task)
            del running[task]
            await self._attempts.failed(socket.reason or "the platform did not say that it delivers")

    async def _moved(self, position: str) -> None:
        try:
            await self._leases.move(self._name, position)
        except (StoreUnavailable, StoreFull):
            pass  # what follows is delivered again, and is a duplicate
