"""Whether remote agents can be reached, as workers find out by probing them, and when each is probed next."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from answerback.codec import decoder, encode, readable
from answerback.store.fleet import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class Reachability(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the last probe of a remote agent found. Times are ms; 0 means never.

    Attributes:
        url: The URL that was probed.
        checked: When it was probed.
        seen: When it last responded.
        error: Why it could not be reached; "" if it could.
        failures: Number of failed probes since it last responded.
    """

    url: str
    checked: int = 0
    seen: int = 0
    error: str = ""
    failures: int = 0

    @property
    def reachable(self) -> bool:
        """Whether the last probe reached it."""
        return bool(self.checked) and not self.error


class Probe(NamedTuple):
    """A remote agent that is due to be probed."""

    workspace: str
    agent: str


_decode = decoder(Reachability)


class Probes:
    """The probes of all remote agents: their schedule, and what they found."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def schedule(
        self, workspace: str, agent: str, *, delay: float = 0, unless: Literal["", "scheduled", "earlier"] = ""
    ) -> None:
        """Probe an agent in `delay` seconds, unless a time is set already, or an earlier one."""
        due = await self._database.now() + int(delay * 1000)
        option = {"": (), "scheduled": ("NX",), "earlier": ("LT",)}[unless]
        await self._database.call("ZADD", keys.probes(), *option, due, _member(workspace, agent))

    async def take(self, limit: int, *, lease: float) -> list[Probe]:
        """Return up to `limit` agents that are due. No other worker gets one of them within `lease` seconds."""
        members = await self._scripts.take_due([keys.probes()], limit=limit, lease=int(lease * 1000))
        return [Probe(*member.decode().split("/", 1)) for member in members]

    async def get(self, workspace: str, agent: str) -> Reachability | None:
        """Return what the last probe of an agent found; None before the first."""
        encoded = await self._database.call("HGET", keys.reachability(workspace), agent)
        return next(iter(readable(_decode, [encoded])), None) if encoded is not None else None

    async def all(self, workspace: str) -> dict[str, Reachability]:
        """Return what the last probes of a workspace's agents found, by name."""
        encoded = await self._database.call("HGETALL", keys.reachability(workspace))
        return {name.decode(): record for name, raw in encoded.items() for record in readable(_decode, [raw])}

    async def record(self, workspace: str, agent: str, found: Reachability) -> None:
        """Store what a probe found."""
        await self._database.call("HSET", keys.reachability(workspace), agent, encode(found))

    async def forget(self, workspace: str, agent: str) -> None:
        """Remove what is known of an agent, and the agent from the schedule."""
        # In this order: a worker that finds in the schedule what is not registered does this again.
        await self._database.call("HDEL", keys.reachability(workspace), agent)
        await self._database.call("ZREM", keys.probes(), _member(workspace, agent))


def _member(workspace: str, agent: str) -> str:
    # A workspace's name has no slash.
    return f"{workspace}/{agent}"
