"""All connections that the settings ask for."""

from __future__ import annotations

import asyncio

from answerback.accepting.acceptor import Acceptor
from answerback.accepting.raw_payloads import RawPayloads
from answerback.http.platform import PlatformHttp
from answerback.platforms import Platform
from answerback.platforms.reading import Poller
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.connections import Connections
from answerback.store.threads.threads import Threads

from .connection import Connection, Reading
from .intake import Intake
from .polls import Polls
from .sockets import Sockets


class Readers:
    """Reads connections, each of them while no other worker does."""

    def __init__(
        self, settings: Settings, threads: Threads, accounts: Accounts, http: PlatformHttp, *, owner: str
    ) -> None:
        self._settings, self._http = settings, http
        self._raw = RawPayloads(threads.database)
        self._acceptor, self._leases = (
            Acceptor(threads, accounts, handback=settings.handback),
            Connections(threads.database),
        )
        self._connections = [
            Connection(
                f"{name}/{connection}",
                self._reading(platform, connection),
                self._leases,
                owner=owner,
                lease=settings.lease,
            )
            for name, platform in PLATFORMS.items()
            if platform.READER
            for connection in platform.READER.connections(settings)
        ]

    def _reading(self, platform: Platform, connection: str) -> Reading:
        assert platform.READER
        settings, name = self._settings, f"{platform.NAME}/{connection}"
        reader = platform.READER.reader(settings, connection)
        intake = Intake(platform, self._acceptor, self._raw, timeout=settings.accept_timeout)
        if isinstance(reader, Poller):
            return Polls(name, reader, intake, self._leases, timeout=settings.platform_timeout)
        return Sockets(name, reader, intake, self._http, self._leases)

    async def keep(self) -> None:
        """Read all of them, forever."""
        if not self._connections:
            await asyncio.Event().wait()
        await self._raw.look()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._raw.keep())
            for connection in self._connections:
                group.create_task(connection.keep())
