"""Keeps a process from using a Redis server that cannot guarantee durability, and logs outages."""

from __future__ import annotations

import time

from answerback.errors import ConfigurationError, StoreFull, StoreUnavailable, StoreUnfit
from answerback.log import get_logger
from answerback.store.server import Ask, Server, inspect

log = get_logger(__name__)

STEADY = 1.0
"""Seconds without a failure after which an outage is over: some calls may succeed before."""
REMIND = 60.0
"""Seconds between log lines about a continuing outage."""
REASON = 10.0
"""Seconds between log lines about an outage whose error changes: calls may fail in several ways at once."""
FRESH = 1.0
"""Seconds for which an inspection of the server is valid for other connections opened at the same time."""


class Guard:
    """One process's view of its Redis server. A `Database` with a guard inspects the server for every new connection.

    If the server is not usable, every call raises `StoreUnfit` until a later inspection finds it usable again.
    """

    def __init__(self) -> None:
        self.server: Server | None = None
        """The result of the last inspection."""
        self.unfit = ""
        """Why the server cannot be used, for an operator; "" if it can or is not known yet."""
        self._looked = 0.0
        self._warned: list[str] = []
        self._away = 0.0
        self._failed = 0.0
        self._told = 0.0
        self._reason = ""
        self._full = 0.0

    @property
    def away(self) -> float:
        """Seconds since Redis became unavailable; 0 while it is available."""
        return time.monotonic() - self._away if self._away else 0.0

    @property
    def fresh(self) -> bool:
        """Whether the last inspection is still valid."""
        return time.monotonic() - self._looked < FRESH

    async def meet(self, ask: Ask) -> None:
        """Inspect the server of a new connection, unless that was just done. Raises `StoreUnfit`."""
        if not self.fresh:
            await self.look(ask)
        elif self.unfit:
            raise StoreUnfit(self.unfit)

    async def look(self, ask: Ask) -> None:
        """Inspect the server. Raises `StoreUnfit` if it cannot be used."""
        server = await inspect(ask)
        self._looked = time.monotonic()
        self.server = server
        problems = [*server.errors(), *server.refused()]
        unfit = f"the Redis server at REDIS_URL is not usable: {'; '.join(problems)}" if problems else ""
        if unfit and unfit != self.unfit:
            log.error("Redis server not usable", reason=unfit)
        elif self.unfit and not unfit:
            log.info("Redis server usable again")
        self.unfit = unfit
        if unfit:
            raise StoreUnfit(unfit)
        for warning in server.warnings():
            if warning not in self._warned:
                log.warning("Redis durability warning", warning=warning)
        self._warned = server.warnings()

    def refuse_at_start(self) -> None:
        """Raise `ConfigurationError` if other settings or another server are needed; permissions may be added later."""
        if self.server and (errors := self.server.errors()):
            raise ConfigurationError(
                "the Redis server at REDIS_URL is not usable:\n" + "\n".join(f"  {error}" for error in errors)
            )

    def failed(self, error: StoreUnavailable, *, doubtful: bool = False) -> None:
        """Record a failed call. The first failure of an outage is logged, and each new error.

        Args:
            doubtful: The server rejected a call it should have accepted: inspect it before the next call.
        """
        if not self.unfit:
            self._looked = 0.0  # the next connection may reach another server
        if doubtful and not self.unfit:
            self.unfit = str(error)
        now = self._failed = time.monotonic()
        self._away = self._away or now
        reason = str(error)
        if isinstance(error, StoreUnfit):
            return  # logged by `look`
        if not self._told or now - self._told > (REMIND if reason == self._reason else REASON):
            log.warning("Redis unavailable", error=reason, seconds=round(now - self._away, 1))
            self._reason, self._told = reason, now

    def full(self, error: StoreFull) -> None:
        """Record a call rejected because Redis is full, logged once a minute."""
        now = time.monotonic()
        if not self._full or now - self._full > REMIND:
            log.error("Redis is full and rejects writes", error=str(error))
            self._full = now

    def answered(self) -> None:
        """Record a successful call."""
        if self._away and time.monotonic() - self._failed > STEADY:
            if self._told:
                log.info("Redis available again", seconds=round(self._failed - self._away, 1))
            self._away = self._told = 0.0
            self._reason = ""
