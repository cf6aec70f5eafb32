"""Sessions of a `SessionWorker` in Redis: each is claimed by one host at a time, with a lease and a fence."""

from __future__ import annotations

from typing import NamedTuple

from answerback.errors import ConfigurationError
from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

DAY = 86_400.0


class ClaimedSession(NamedTuple):
    """A session that this process has claimed.

    Attributes:
        fence: Grows with each claim of the session.
        data: What was saved last; b"" for a new session.
    """

    id: str
    fence: int
    data: bytes


class RedisSessions:
    """Sessions in Redis, shared by any number of hosts.

    Args:
        url: The server.
        lease: Seconds after which a session is free when its holder has died. It is renewed while the session is held.
        idle: Seconds that an unused session is kept.
        namespace: Keeps the sessions of several applications apart.
        replicas: How many replicas must confirm each claim and each save, so that a failover loses none.
    """

    def __init__(
        self,
        url: str,
        *,
        lease: float = 30.0,
        idle: float = 30 * DAY,
        namespace: str = "default",
        replicas: int = 0,
    ) -> None:
        if not 0.1 <= lease <= 3600:
            raise ConfigurationError(f"a session's lease is 0.1 to 3600 seconds, not {lease:g}")
        if replicas < 0:
            raise ConfigurationError(f"replicas is a number from 0, not {replicas}")
        if idle <= 0:
            raise ConfigurationError(f"an idle session is kept for more than 0 seconds, not {idle:g}")
        self.lease = lease
        self._kept = int(idle * 1000)
        self._namespace = namespace
        # A renewal that takes longer than a third of the lease comes too late for the next.
        self._database = Database(url, timeout=min(5.0, lease / 3), replicas=replicas)
        self._scripts = Scripts(self._database)

    async def claim(self, id: str) -> ClaimedSession | None:
        """Claim a session; None if another worker holds it. Raises `StoreUnavailable` or `StoreFull`."""
        fence, data = await self._scripts.claim_session([self._key(id)], lease=self._ms, kept=self._kept)
        return ClaimedSession(id, fence, data) if fence else None

    async def renew(self, session: ClaimedSession) -> bool:
        """Renew the lease. Return False if another worker has claimed the session."""
        return await self._write(session, self._ms)

    async def save(self, session: ClaimedSession, data: bytes) -> bool:
        """Save a session's data (b"" removes it), and renew the lease.

        Return False, and change nothing, if another worker has claimed the session.
        """
        return await self._write(session, self._ms, "save" if data else "remove", data)

    async def release(self, session: ClaimedSession) -> None:
        """Let others claim the session."""
        await self._write(session, 0)

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()

    @property
    def _ms(self) -> int:
        return int(self.lease * 1000)

    def _key(self, id: str) -> str:
        return keys.session(self._namespace, id)

    async def _write(self, session: ClaimedSession, lease: int, change: str = "", data: bytes = b"") -> bool:
        return bool(
            await self._scripts.write_session(
                [self._key(session.id)], fence=session.fence, lease=lease, kept=self._kept, change=change, data=data
            )
        )
