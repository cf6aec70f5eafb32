"""Open the store for a command: find its Redis, and say what to do when it cannot be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from answerback.errors import ConfigurationError, StoreUnavailable
from answerback.redis_address import place
from answerback.store.embedded import running
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.redis import Database
from answerback.store.server import inspected
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads

from .store_settings import StoreSettings

if TYPE_CHECKING:
    from answerback.settings import Settings


class Store(NamedTuple):
    """An open store with its settings."""

    settings: StoreSettings
    threads: Threads
    dead_letters: DeadLetters
    workers: WorkerRegistry


def located(settings: StoreSettings | Settings) -> str:
    """Return the URL of the Redis to use: REDIS_URL, or the server that runs in ANSWERBACK_DATA.

    Raises `StoreUnavailable` when there is neither.
    """
    url = settings.redis_url or running(settings.data)
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
        threads = Threads(database, partitions=settings.partitions, seen_days=settings.seen_days)
        yield Store(settings, threads, DeadLetters(threads, seen_days=settings.seen_days), WorkerRegistry(database))
    finally:
        await database.close()
