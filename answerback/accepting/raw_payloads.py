"""What is stored of deliveries as the workers' agents ask for it: raw payloads, and edits as events."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

import msgspec

from answerback.errors import StoreFull, StoreUnavailable
from answerback.events import Amendment
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
        self.edits: frozenset[str] = frozenset()
        """The platforms on which agents receive edits."""

    def add(self, platform: str, events: Sequence[Inbound], body: bytes) -> Sequence[Inbound]:
        """Return the events of a delivery, with its body and its edits if an agent asks for them."""
        if platform not in self.edits and Amendment in map(type, events):
            events = [_without_edit(each) if isinstance(each, Amendment) else each for each in events]
        return with_raw(events, body) if platform in self.platforms else events

    async def look(self) -> None:
        """Read which platforms' bodies the agents ask for."""
        try:
            agents = await self._workers.agents()
        except (StoreUnavailable, StoreFull):
            return  # logged by the guard
        self.platforms = matching({pattern for agent in agents for pattern in agent.raw})
        self.edits = matching({pattern for agent in agents for pattern in agent.edits})

    async def keep(self) -> None:
        """Look again and again, forever."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look()


def matching(patterns: Collection[str]) -> frozenset[str]:
    """Return the platforms that the patterns match."""
    return frozenset(name for name in PLATFORMS if any(fnmatchcase(name, pattern) for pattern in patterns))


def _without_edit(amendment: Amendment) -> Amendment:
    return amendment if amendment.edit is None else msgspec.structs.replace(amendment, edit=None)
