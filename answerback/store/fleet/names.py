"""What people and channels are called on their platforms, as far as workers have asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from answerback.store.fleet import keys
from answerback.store.redis import Database

DAYS = 7 * 86_400
"""Seconds for which a name is kept: people rarely change theirs."""
HOUR = 3_600
"""Seconds for which it is remembered that there is no name."""


class KnownNames:
    """The names in all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, platform: str, account: str, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names that are known, by id; "" where it is known that there is none."""
        found = await self._database.together(*(("GET", keys.name(platform, account, id)) for id in ids))
        return {id: name.decode() for id, name in zip(ids, found, strict=True) if name is not None}

    async def put(self, platform: str, account: str, names: Mapping[str, str]) -> None:
        """Keep names."""
        await self._database.together(
            *(
                ("SET", keys.name(platform, account, id), name, "EX", DAYS if name else HOUR)
                for id, name in names.items()
            )
        )
