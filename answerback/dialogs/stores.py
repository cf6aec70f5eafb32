"""Where a `SessionWorker` keeps its sessions: in memory, nowhere, or in Redis (`answerback.store.sessions`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from answerback.store.sessions import ClaimedSession


class SessionStore(Protocol):
    """Keeps sessions. One holder at a time may claim each."""

    @property
    def lease(self) -> float:
        """Seconds for which a claim holds without renewal; 0: until it is released."""

    async def claim(self, id: str, /) -> ClaimedSession | None:
        """Claim a session; None if another worker holds it."""

    async def renew(self, session: ClaimedSession, /) -> bool:
        """Renew a claim. Return False if it is lost."""

    async def save(self, session: ClaimedSession, data: bytes, /) -> bool:
        """Save the data of a claimed session; b"" removes it. Return False, and save nothing, if the claim is lost."""

    async def release(self, session: ClaimedSession, /) -> None:
        """Let others claim the session."""

    async def close(self) -> None:
        """Close connections."""


class MemorySessions:
    """Sessions in the memory of this process.

    Args:
        idle: Seconds that an unused session is kept.
        most: The most sessions that are kept; above it, the one that was unused longest is removed.
        clock: Returns the time in seconds.
    """

    lease = 0.0

    def __init__(
        self, *, idle: float = 3600.0, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle = idle
        self._most = most
        self._clock = clock
        self._saved: dict[str, tuple[float, bytes]] = {}
        """When each was last used, and its data; least recently used first."""
        self._held: set[str] = set()
        self._fence = 0

    def __len__(self) -> int:
        """Return the number of sessions that are kept."""
        self._evict()
        return len(self._saved)

    async def claim(self, id: str) -> ClaimedSession | None:
        """Claim a session; None if it is held."""
        if id in self._held:
            return None
        self._evict()
        self._held.add(id)
        self._fence += 1
        return ClaimedSession(id, self._fence, self._saved.get(id, (0.0, b""))[1])

    async def renew(self, session: ClaimedSession) -> bool:
        """Return True: a claim holds until it is released."""
        return True

    async def save(self, session: ClaimedSession, data: bytes) -> bool:
        """Save the data of a claimed session; b"" removes it."""
        self._saved.pop(session.id, None)
        if data:
            self._saved[session.id] = self._clock(), data
        self._evict()
        return True

    async def release(self, session: ClaimedSession) -> None:
        """Let others claim the session."""
        self._held.discard(session.id)
        if saved := self._saved.pop(session.id, None):
            self._saved[session.id] = self._clock(), saved[1]
        self._evict()

    async def close(self) -> None:
        """Forget all sessions."""
        self._saved.clear()

    def _evict(self) -> None:
        expired, excess = self._clock() - self._idle, len(self._saved) - self._most
        for id, (used_at, _) in list(self._saved.items()):
            if used_at > expired and excess <= 0:
                return
            if id not in self._held:
                del self._saved[id]
                excess -= 1


class NullSessions:
    """Keeps nothing: each session is empty when it is acquired."""

    lease = 0.0

    async def claim(self, id: str) -> ClaimedSession | None:
        """Return a new session."""
        return ClaimedSession(id, 0, b"")

    async def renew(self, session: ClaimedSession) -> bool:
        """Return True."""
        return True

    async def save(self, session: ClaimedSession, data: bytes) -> bool:
        """Save nothing."""
        return True

    async def release(self, session: ClaimedSession) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
