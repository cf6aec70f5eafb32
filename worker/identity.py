"""Who we are on each platform: learned from our credentials, kept in Redis for ingress to know us by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from answerback.errors import DeliveryError, StoreFull, StoreUnavailable
from answerback.http import Http
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Client
from answerback.store import Roster, Threads

log = get_logger(__name__)

AGAIN_AFTER_SUCCESS = 3600.0
AGAIN_AFTER_FAILURE = 15.0
UNIDENTIFIED_DELAY = 0.3
"""Seconds that a thread or a reply waits at a time while we do not yet know who we are there."""


class Identities:
    """Learns, and knows. Nothing is posted to a platform before its marks lie in Redis.

    Otherwise the webhook of our own reply could arrive before ingress can tell that it is ours.
    """

    def __init__(self, clients: Mapping[str, Client], http: Http, roster: Roster, threads: Threads) -> None:
        self._clients = clients
        self._http = http
        self._roster = roster
        self._threads = threads
        self.known: dict[str, Identity] = {}

    async def keep(self) -> None:
        """Learn all identities, each again every hour: a token may have been given to another account."""
        async with asyncio.TaskGroup() as group:
            for platform, client in self._clients.items():
                group.create_task(self._keep(platform, client))

    async def _keep(self, platform: str, client: Client) -> None:
        while True:
            try:
                identity = await self._http.perform(client.whoami())
                # What is kept already need not be written, which a full server would refuse.
                if (await self._roster.identities()).get(platform) != identity:
                    await self._threads.own(f"{platform}:{mark}" for mark in identity.marks)
                    await self._roster.identify(platform, identity)
            except DeliveryError as error:
                log.error("cannot learn who we are: replies wait", platform=platform, error=str(error))
                await asyncio.sleep(AGAIN_AFTER_FAILURE)
            except (StoreUnavailable, StoreFull) as error:
                log.warning("cannot keep who we are", platform=platform, error=str(error))
                await asyncio.sleep(1)
            else:
                if self.known.get(platform) != identity:
                    log.info("we are known", platform=platform, name=identity.name)
                self.known[platform] = identity
                await asyncio.sleep(AGAIN_AFTER_SUCCESS)
