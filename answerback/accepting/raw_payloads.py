"""Which platforms' raw payloads are kept with their events: those for which a worker's agent asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from fnmatch import fnmatchcase

from answerback.errors import StoreFull, StoreUnavailable
from answerback.platforms import Inbound
from answerback.platforms.registry import PLATFORMS
from answerback.raw_body import with_raw
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.redis import Database

LOOK = 5.0
"""Seconds between two looks at what the workers report."""


class RawPayloads:
    """Adds raw bodies to events. While no agent asks, a delivery costs one look at an empty set."""

    def __init__(self, database: Database) -> None:
        self._workers = WorkerRegistry(database)
        self.platforms: frozenset[str] = frozenset()
        """The platforms whose bodies are kept."""

    def add(self, platform: str, events: Sequence[Inbound], body: bytes) -> Sequence[Inbound]:
        """Return the events of a delivery, with its body if an agent asks for it."""
        return with_raw(events, body) if platform in self.platforms else events

    async def look(self) -> None:
        """Read which platforms' bodies the agents ask for."""
        try:
            agents = await self._workers.agents()
        except (StoreUnavailable, StoreFull):
            return  # logged by the guard
        patterns = {pattern for agent in agents for pattern in agent.raw}
        self.platforms = frozenset(
            name for name in PLATFORMS if any(fnmatchcase(name, pattern) for pattern in patterns)
        )

    async def keep(self) -> None:
        """Look again and again, forever."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look()
