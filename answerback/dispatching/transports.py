"""The transports: straight into Redis, or over HTTP."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple, Protocol

from answerback.dispatching.receipt import Answer
from answerback.environment import SUFFIX, overridden
from answerback.errors import ConfigurationError
from answerback.store.chats.dispatches import NewDispatch

VARIABLES = (
    "ANSWERBACK_API_KEY", "ANSWERBACK_DATA", "ANSWERBACK_PARTITIONS", "ANSWERBACK_URL", "REDIS_REPLICAS", "REDIS_URL",
    "SEEN_DAYS",
)  # fmt: skip
"""The environment variables that are read, also from files: an application's own PORT or HOST must not matter here."""


class Place(NamedTuple):
    """Where to dispatch to, as given by the caller; None: as the environment says."""

    redis_url: str | None
    url: str | None
    api_key: str | None
    workspace: str


class Accepted(NamedTuple):
    """A stored event. `thread` is the public id of its chat."""

    dispatch_id: str
    thread: str
    status: Literal["accepted", "duplicate"]


class Transport(Protocol):
    """A connection to Answerback. It belongs to the event loop in which it was opened."""

    @property
    def usable(self) -> bool:
        """Whether it was opened in the running event loop. A fork has its own, and does not share its parent's."""

    async def accept(self, new: NewDispatch) -> Accepted:
        """Store an event. Raises what `Dispatcher.dispatch` raises."""

    async def answer(self, new: NewDispatch, accepted: Accepted, timeout: float) -> Answer:
        """Wait for the answer to a stored event. Raises `TimeoutError`."""

    async def close(self) -> None:
        """Close the connections."""


def opened(place: Place) -> Transport:
    """Open the way in that the caller, or else the environment, names. Raises `ConfigurationError`."""
    # Imported by the first dispatch: settings take long to load.
    from answerback.settings import Settings
    from answerback.store.embedded import running

    given = {"ANSWERBACK_URL": place.url, "REDIS_URL": place.redis_url}
    names = {name for variable in VARIABLES for name in (variable, variable + SUFFIX)}
    environ = {name: value for name, value in os.environ.items() if name in names}
    settings = Settings.load(overridden(environ, {name: value for name, value in given.items() if value is not None}))
    if settings.url is not None and (place.url is not None or place.redis_url is None):
        from answerback.dispatching.over_http import HttpTransport

        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        if not (key := place.api_key or secret):
            raise ConfigurationError(
                "ANSWERBACK_API_KEY is not set: dispatching over HTTP needs an API key with the scope chat:write "
                "(`answerback keys create --scope chat:write`)."
            )
        return HttpTransport(settings.url, key)
    from answerback.dispatching.over_redis import RedisTransport

    redis_url = settings.redis_url or running(settings.data)
    if redis_url is None:
        raise ConfigurationError(
            "nowhere to dispatch to: set REDIS_URL to the Redis of your workers, or ANSWERBACK_URL and "
            "ANSWERBACK_API_KEY to dispatch over HTTP. (`answerback up` in this folder starts a Redis that is found.)"
        )
    return RedisTransport(
        redis_url,
        settings.partitions,
        replicas=settings.redis_replicas,
        seen_days=settings.seen_days,
        workspace=place.workspace,
    )
