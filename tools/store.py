"""The store as a command sees it: which Redis is meant, and what to do when it is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from answerback.errors import ConfigurationError, StoreUnavailable
from answerback.settings import Settings
from answerback.store import Database, DeadLetters, Threads, WorkerRegistry
from answerback.store.embedded import running
from answerback.store.server import server


class Store(NamedTuple):
    """An open store."""

    settings: Settings
    threads: Threads
    letters: DeadLetters
    roster: WorkerRegistry


def located(settings: Settings) -> str:
    """The URL of the Redis to use: REDIS_URL, or the server that runs on ANSWERBACK_DATA.

    Raises `StoreUnavailable` when there is neither.
    """
    found = settings.redis_url or running(settings.data)
    if found is None:
        raise StoreUnavailable(
            f"nothing is running on {settings.data.absolute()}: "
            "start it with `make up` or `answerback up`, or set REDIS_URL (or ANSWERBACK_DATA)."
        )
    return found


def place(url: str) -> str:
    """A Redis URL without its password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


@asynccontextmanager
async def opened() -> AsyncIterator[Store]:
    """Open it, and see that it answers. Raises `ConfigurationError` or `StoreUnavailable`."""
    settings = Settings.load()
    url = located(settings)
    database = Database(url)
    try:
        try:
            found = await server(database)
        except StoreUnavailable as error:
            reason = str(error).removeprefix("Redis does not answer: ").rstrip(".")
            raise StoreUnavailable(
                f"Redis does not answer at {place(url)} ({reason}): start it, or set REDIS_URL to where it is."
            ) from None
        # Whatever its settings are, what is stored there can be looked at.
        if problems := [*found.unusable(), *found.refused()]:
            raise ConfigurationError(f"the Redis at {place(url)} cannot be used: {'; '.join(problems)}")
        threads = Threads(database, partitions=settings.partitions, seen_days=settings.seen_days)
        yield Store(settings, threads, DeadLetters(threads, seen_days=settings.seen_days), WorkerRegistry(database))
    finally:
        await database.close()
