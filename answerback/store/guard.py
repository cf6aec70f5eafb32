"""Keeps a process off a Redis that cannot hold the promise, and logs when Redis goes away and comes back."""

from __future__ import annotations

import time

from answerback.errors import ConfigurationError, StoreFull, StoreUnavailable, StoreUnfit
from answerback.log import get_logger
from answerback.store.server import Ask, Server, inspect

log = get_logger(__name__)

STEADY = 1.0
"""Seconds without a failure after which an outage is over: some calls may get through before."""
REMIND = 60.0
"""Seconds between two log lines about an outage that goes on."""
REASON = 10.0
"""Seconds between two log lines about an outage whose reason changes: calls may fail in several ways at once."""
FRESH = 1.0
"""Seconds for which a look at the server is good, for connections that are opened at once."""


class Guard:
    """What one process knows of its Redis. A `Database` with a guard looks at the server at every connection.

    Where the promise cannot hold on that server, every call raises `StoreUnfit` until a later look finds it mended.
    """

    def __init__(self) -> None:
        self.server: Server | None = None
        """As it was found by the last look."""
        self.unfit = ""
        """Why it cannot be used, in words; "" when it can, or is not known."""
        self._looked = 0.0
        self._warned: list[str] = []
        self._away = 0.0
        self._failed = 0.0
        self._told = 0.0
        self._reason = ""
        self._full = 0.0

    @property
    def away(self) -> float:
        """For how many seconds Redis has not answered; 0 while it does."""
        return time.monotonic() - self._away if self._away else 0.0

    @property
    def fresh(self) -> bool:
        """Whether the server was looked at just now."""
        return time.monotonic() - self._looked < FRESH

    async def meet(self, ask: Ask) -> None:
        """A new connection: look at its server, unless others were opened just now. Raises `StoreUnfit`."""
        if not self.fresh:
            await self.look(ask)
        elif self.unfit:
            raise StoreUnfit(self.unfit)

    async def look(self, ask: Ask) -> None:
        """Look at the server. Raises `StoreUnfit` where it cannot be used."""
        found = await inspect(ask)
        self._looked = time.monotonic()
        self.server = found
        problems = [*found.errors(), *found.refused()]
        unfit = f"the Redis server at REDIS_URL is not usable: {'; '.join(problems)}" if problems else ""
        if unfit and unfit != self.unfit:
            log.error("Redis server not usable", reason=unfit)
        elif self.unfit and not unfit:
            log.info("Redis server usable again")
        self.unfit = unfit
        if unfit:
            raise StoreUnfit(unfit)
        for warning in found.warnings():
            if warning not in self._warned:
                log.warning("Redis durability warning", warning=warning)
        self._warned = found.warnings()

    def refuse_at_start(self) -> None:
        """Raise `ConfigurationError` where other settings or another server are needed; permissions may come later."""
        if self.server and (errors := self.server.errors()):
            raise ConfigurationError(
                "the Redis server at REDIS_URL is not usable:\n" + "\n".join(f"  {error}" for error in errors)
            )

    def failed(self, error: StoreUnavailable, *, doubtful: bool = False) -> None:
        """A call failed. The first one of an outage is logged, and a new reason.

        `doubtful`: the server refused what it should have taken, and is looked at before it is asked again.
        """
        if not self.unfit:
            self._looked = 0.0  # what answers next may be another server
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
        """A call was refused for lack of room. That is logged once a minute."""
        now = time.monotonic()
        if not self._full or now - self._full > REMIND:
            log.error("Redis is full and rejects writes", error=str(error))
            self._full = now

    def answered(self) -> None:
        """A call was answered."""
        if self._away and time.monotonic() - self._failed > STEADY:
            if self._told:
                log.info("Redis available again", seconds=round(self._failed - self._away, 1))
            self._away = self._told = 0.0
            self._reason = ""
