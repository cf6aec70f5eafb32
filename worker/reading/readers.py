"""All connections that the settings ask for."""

from __future__ import annotations

import asyncio

from answerback.accepting.acceptor import Acceptor
from answerback.accepting.raw_payloads import RawPayloads
from answerback.http.platform import PlatformHttp
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.connections import Connections
from answerback.store.threads.threads import Threads

from .connection import Connection
from .intake import Intake


class Readers:
    """Reads connections, each of them while no other worker does."""

    def __init__(
        self, settings: Settings, threads: Threads, accounts: Accounts, http: PlatformHttp, *, owner: str
    ) -> None:
        self._raw = RawPayloads(threads.database)
        acceptor, leases = Acceptor(threads, accounts), Connections(threads.database)
        self._connections = [
            Connection(
                f"{name}/{connection}",
                platform.READER.reader(settings, connection),
                Intake(platform, acceptor, self._raw, timeout=settings.accept_timeout),
                http,
                leases,
                owner=owner,
                lease=settings.lease,
            )
            for name, platform in PLATFORMS.items()
            if platform.READER
            for connection in platform.READER.connections(settings)
        ]

    async def keep(self) -> None:
        """Read all of them, forever."""
        if not self._connections:
            await asyncio.Event().wait()
        await self._raw.look()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._raw.keep())
            for connection in self._connections:
                group.create_task(connection.keep())
