"""Open the store for a command: find its Redis, and say what to do when it cannot be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from answerback.errors import ConfigurationError, StoreUnavailable
from answerback.redis_address import place
from answerback.store.partitions import Partitions
from answerback.store.redis import Database
from answerback.store.scripts import Scripts
from answerback.store.server import inspected

from .store_settings import StoreSettings

if TYPE_CHECKING:
    from answerback.settings import Settings
    from answerback.store.fleet.workers import WorkerRegistry
    from answerback.store.threads.dead_letters import DeadLetters
    from answerback.store.threads.threads import Threads


class Store:
    """An open store with its settings. What a command does not use is not imported."""

    def __init__(self, settings: StoreSettings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.partitions = Partitions(database, Scripts(database), settings.partitions)

    @cached_property
    def threads(self) -> Threads:
        """The threads."""
        from answerback.store.threads.threads import Threads

        return Threads(self.database, partitions=self.settings.partitions, seen_days=self.settings.seen_days)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The dead letters."""
        from answerback.store.threads.dead_letters import DeadLetters

        return DeadLetters(self.threads, seen_days=self.settings.seen_days)

    @cached_property
    def workers(self) -> WorkerRegistry:
        """The workers."""
        from answerback.store.fleet.workers import WorkerRegistry

        return WorkerRegistry(self.database)


def located(settings: StoreSettings | Settings) -> str:
    """Return the URL of the Redis to use: REDIS_URL, or the server that runs in ANSWERBACK_DATA.

    Raises `StoreUnavailable` when there is neither.
    """
    if settings.redis_url:
        return settings.redis_url
    from answerback.store.embedded import running

    url = running(settings.data)
    if url is None:
        raise StoreUnavailable(
            f"nothing is running in {settings.data.absolute()}: "
            "start it with `make up` or `answerback up`, or set REDIS_URL (or ANSWERBACK_DATA)."
        )
    return url


@asynccontextmanager
async def opened() -> AsyncIterator[Store]:
    """Open the store and check its server. Raises `ConfigurationError` or `StoreUnavailable`."""
    settings = StoreSettings.load()
    url = located(settings)
    database = Database(url, replicas=settings.redis_replicas)
    try:
        try:
            servers = await inspected(database)
        except StoreUnavailable as error:
            reason = str(error).removeprefix("Redis is unavailable: ").rstrip(".")
            advice = "" if "REDIS_URL" in reason else ": start it, or set REDIS_URL to where it is"
            raise StoreUnavailable(f"Redis is not available at {place(url)} ({reason}){advice}.") from None
        # Its eviction and persistence settings do not matter for looking at what is stored.
        if problems := [problem for each in servers for problem in (*each.unusable(), *each.refused())]:
            raise ConfigurationError(f"the Redis server at {place(url)} is not usable: {'; '.join(problems)}")
        yield Store(settings, database)
    finally:
        await database.close()
