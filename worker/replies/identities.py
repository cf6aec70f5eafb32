"""The agents' account on each platform, resolved from the credentials and stored in Redis for ingress."""

from __future__ import annotations

import asyncio
import time

from answerback.errors import DeliveryError, RateLimited, Rejected, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Client
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.threads.threads import Threads

from ..backoff import Backoff
from .clients import Clients

log = get_logger(__name__)

AGAIN_AFTER_SUCCESS = 3600.0
AGAIN_WHILE_SHARED = 15.0
"""Seconds between checks whether a worker with another (for example an older) identity is gone."""
AGAIN_AFTER_FAILURE = Backoff(1, 60)
UNIDENTIFIED_DELAY = 0.3
"""Seconds that a thread or reply is left for another worker that has already resolved its identity."""


class Identities:
    """Resolves and holds our identities. Nothing is posted to a platform before its marks are in Redis.

    Otherwise the webhook of our own reply could arrive before ingress can recognise it as ours. The marks in Redis are
    those of the live workers: messages posted with an earlier credential are treated as someone else's.
    """

    def __init__(
        self,
        clients: Clients,
        http: PlatformHttp,
        workers: WorkerRegistry,
        threads: Threads,
        accounts: Accounts | None = None,
    ) -> None:
        self._clients = clients
        self._http = http
        self._workers = workers
        self._threads = threads
        self._accounts = accounts
        self._began = time.monotonic()
        self._next_attempt: dict[str, tuple[float, bool]] = {}
        """When each platform is tried again, and whether another worker has resolved its identity."""
        self.resolved: dict[str, Identity] = {}
        """Our identities so far, by platform."""

    @property
    def marks(self) -> list[str]:
        """The marks of this worker's own messages with their platform, such as "github:user:583231"."""
        return [f"{platform}:{mark}" for platform, identity in self.resolved.items() for mark in identity.marks]

    async def of(self, platform: str, account: str) -> Identity | None:
        """Return who we are where an event came from, or a reply goes to; None if that is not known yet."""
        access = await self._clients.access(platform, account) if account else None
        if access and access.identity:
            return access.identity
        identity = self.resolved.get(platform)
        return identity and identity.of(account)

    def expected(self, platform: str) -> bool:
        """Return whether we have a credential for a platform, and so will have an identity on it."""
        return platform in self._clients

    def delay(self, platform: str) -> float:
        """Return how many seconds to leave a thread or reply while our identity on its platform is not resolved.

        That is until the next attempt, or a short time if another worker has resolved its identity.
        """
        now = time.monotonic()
        at, resolved_elsewhere = self._next_attempt.get(platform, (now, False))
        # While a request hangs for long, threads must not be claimed and released in a tight loop.
        return UNIDENTIFIED_DELAY if resolved_elsewhere else max(UNIDENTIFIED_DELAY, at - now, (now - self._began) / 8)

    async def keep(self) -> None:
        """Resolve all identities, and refresh each every hour: a token may have moved to another account."""
        async with asyncio.TaskGroup() as group:
            for platform, client in self._clients.items():
                group.create_task(self._keep(platform, client))

    async def restore(self) -> None:
        """Restore identities missing from Redis, which was emptied or replaced."""
        stored = await self._workers.identities()
        for platform in self.resolved.keys() - stored.keys():
            await self._write(platform, self.resolved[platform])

    async def _keep(self, platform: str, client: Client) -> None:
        failures = 0
        while True:
            try:
                identity = await self._http.perform(client.whoami())
                shared = await self._write(platform, identity)
                await self._compare_accounts(platform, client)
            except DeliveryError as error:
                failures += 1
                wait = AGAIN_AFTER_FAILURE.after(failures + 2 if isinstance(error, Rejected) else failures)
                if isinstance(error, RateLimited):
                    wait = max(wait, error.seconds)
                if platform in self.resolved:
                    wait = AGAIN_AFTER_FAILURE.cap
                await self._wait(platform, wait, str(error))
            except (StoreUnavailable, StoreFull) as error:
                log.warning("bot identity not stored", platform=platform, error=str(error))
                await asyncio.sleep(1)
            else:
                failures = 0
                if self.resolved.get(platform) != identity:
                    log.info("bot identity resolved", platform=platform, name=identity.name)
                    if identity.person:
                        log.warning(
                            "the credential belongs to a person: their own messages are treated as the bot's and not "
                            "answered. Use a separate account for the bot",
                            platform=platform,
                            name=identity.name,
                        )
                self.resolved[platform] = identity
                await asyncio.sleep(AGAIN_WHILE_SHARED if shared else AGAIN_AFTER_SUCCESS)

    async def _compare_accounts(self, platform: str, client: Client) -> None:
        """Take over which accounts our credential opens: those from before, and what no webhook has reported."""
        if self._accounts is None:
            return
        now = await self._accounts.now()
        try:
            listed = await self._http.perform(client.accounts())
        except DeliveryError as error:
            log.warning("accounts not listed; will be retried", platform=platform, error=str(error))
            return
        if listed is not None:
            await self._accounts.compare(platform, listed, now)

    async def _write(self, platform: str, identity: Identity) -> bool:
        """Store our identity. Return whether a live worker has, or had, another identity on this platform.

        Unchanged values are not written: a full server would reject the write.
        """
        others = await self._other_marks(platform)
        installed = self._accounts.marks if self._accounts else None
        await self._threads.set_own_identities(platform, {*identity.marks, *others}, installed)
        if (await self._workers.identities()).get(platform) != identity:
            await self._workers.identify(platform, identity)
        return not others <= set(identity.marks)

    async def _other_marks(self, platform: str) -> set[str]:
        """Return the marks of the other live workers' messages."""
        marks = {
            mark
            for report, silent in await self._workers.workers()
            if silent <= report.lease
            for mark in report.marks
            if mark.startswith(f"{platform}:")
        }
        return {mark.removeprefix(f"{platform}:") for mark in marks}

    async def _wait(self, platform: str, seconds: float, reason: str) -> None:
        resolved_elsewhere = False
        try:
            resolved_elsewhere = bool(await self._other_marks(platform))
        except (StoreUnavailable, StoreFull):
            pass
        self._next_attempt[platform] = (time.monotonic() + seconds, resolved_elsewhere)
        fields = {"platform": platform, "error": reason, "next_try": round(seconds, 1)}
        if platform in self.resolved:
            log.warning("bot identity not refreshed", **fields)
        else:
            log.error("bot identity not resolved; events on this platform wait", **fields)
        await asyncio.sleep(seconds)
