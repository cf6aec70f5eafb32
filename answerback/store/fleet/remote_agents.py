"""Remote agents registered with a workspace. They are visible and reachable only within it."""

from __future__ import annotations

import msgspec

from answerback.codec import decoder, encode
from answerback.errors import AnswerbackError
from answerback.store.fleet import keys
from answerback.store.fleet.reachability import Probes
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

MOST = 1000
"""Maximum number of remote agents of a workspace: all of them are probed."""
SHOWN_AS_GONE = 3_600_000
"""ms after the end of its lease at which a remote agent is removed."""
PROBED = 300.0
"""Seconds after a renewal within which an agent is probed, even if a process died before it scheduled a probe."""


class RemoteAgentRefused(AnswerbackError):
    """The remote agent cannot be registered."""


class NotItsOwner(RemoteAgentRefused):
    """Another key registered this remote agent."""


class RemoteAgent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A registered remote agent.

    Attributes:
        url: Base URL of its endpoint `/agents/chat/{sessionId}`.
        lifecycle: "long-lived", or "short-lived": it accepts no chat messages.
        chat: Whether it accepts chat messages, as declared.
        at: When it was registered, ms.
        bearer_token: Token sent with requests to it; "" if none. Stored in plain text, since workers must send it.
        owner: Id of the API key that registered it; "" if an earlier version did.
        lease: How long the registration holds without renewal, ms; 0: until it is removed.
        expires: When the lease ends, ms; 0: never.
    """

    name: str
    url: str
    description: str = ""
    lifecycle: str = "long-lived"
    chat: bool = True
    at: int = 0
    bearer_token: str = ""
    owner: str = ""
    lease: int = 0
    expires: int = 0

    def __repr__(self) -> str:
        return f"RemoteAgent({self.name!r}, {self.url!r})"

    def gone(self, now: int) -> bool:
        """Return whether its lease has ended."""
        return 0 < self.expires <= now

    def expired(self, now: int) -> bool:
        """Return whether its lease ended so long ago that it is removed."""
        return 0 < self.expires <= now - SHOWN_AS_GONE

    def _leased_from(self, now: int) -> RemoteAgent:
        return msgspec.structs.replace(self, expires=now + self.lease if self.lease else 0)


_decode = decoder(RemoteAgent)


class RemoteAgents:
    """The remote agents of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)
        self._probes = Probes(database)

    async def register(self, workspace: str, remote: RemoteAgent, *, by: str | None = None) -> tuple[RemoteAgent, bool]:
        """Register an agent, replacing one with the same name. Return it, and whether it is new.

        Args:
            workspace: Where it is visible.
            remote: The agent; `at` and `expires` are set here.
            by: The key that alone may have registered the one it replaces, unless that is gone; None: any key.

        Raises:
            NotItsOwner: another key registered the one with the same name.
            RemoteAgentRefused: the workspace has too many.
        """
        while True:
            now = await self._database.now()
            registered = msgspec.structs.replace(remote, at=now)._leased_from(now)
            held = await self._database.call("HGET", keys.remote_agents(workspace), remote.name)
            if held is not None:
                _check_owner(_decode(held), by, now)
            elif await self._database.call("HLEN", keys.remote_agents(workspace)) >= MOST:
                raise RemoteAgentRefused(f"the workspace has {MOST} remote agents already: remove some")
            if await self._swap(workspace, remote.name, held or b"", encode(registered)):
                await self._probes.schedule(workspace, remote.name)
                return registered, held is None

    async def renew(self, workspace: str, name: str, *, by: str | None = None) -> RemoteAgent | None:
        """Extend an agent's lease from now on. Return the agent, unchanged if it has no lease; None if there is none.

        Raises `NotItsOwner` if the key `by` did not register it.
        """
        while True:
            now = await self._database.now()
            held = await self._database.call("HGET", keys.remote_agents(workspace), name)
            if held is None or (remote := _decode(held)).expired(now):
                return None
            _check_owner(remote, by)
            renewed = remote._leased_from(now)
            if await self._swap(workspace, name, held, encode(renewed)):
                await self._probes.schedule(workspace, name, delay=0 if remote.gone(now) else PROBED, unless="earlier")
                return renewed

    async def remove(self, workspace: str, name: str, *, by: str | None = None) -> bool:
        """Remove an agent: no further turn reaches it. Return False if there was none.

        Raises `NotItsOwner` if the key `by` did not register it.
        """
        while True:
            held = await self._database.call("HGET", keys.remote_agents(workspace), name)
            if held is not None and by is not None:
                _check_owner(_decode(held), by)
            if held is None or await self._swap(workspace, name, held, b""):
                await self._probes.forget(workspace, name)
                return held is not None

    async def remove_expired(self, workspace: str, remote: RemoteAgent) -> bool:
        """Remove an agent as it was read, unless it was registered or renewed meanwhile."""
        held = await self._database.call("HGET", keys.remote_agents(workspace), remote.name)
        if held is None or _decode(held) != remote or not await self._swap(workspace, remote.name, held, b""):
            return False
        await self._probes.forget(workspace, remote.name)
        return True

    async def get(self, workspace: str, name: str) -> RemoteAgent | None:
        """Return an agent by name, even if its lease has ended; None if there is none."""
        encoded = await self._database.call("HGET", keys.remote_agents(workspace), name)
        return _decode(encoded) if encoded is not None else None

    async def list(self, workspace: str) -> list[RemoteAgent]:
        """Return all agents of a workspace, by name."""
        encoded = await self._database.call("HVALS", keys.remote_agents(workspace))
        return sorted(map(_decode, encoded), key=lambda remote: remote.name)

    async def _swap(self, workspace: str, name: str, old: bytes, new: bytes) -> bool:
        swapped = await self._scripts.swap_field([keys.remote_agents(workspace)], field=name, old=old, new=new)
        return bool(swapped)


def _check_owner(held: RemoteAgent, by: str | None, now: int | None = None) -> None:
    if by is None or held.owner == by or (now is not None and held.gone(now)):
        return
    raise NotItsOwner(f'another key registered the agent "{held.name}"')
