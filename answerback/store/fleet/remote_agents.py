"""Remote agents registered with a workspace. They are visible and reachable only within it."""

from __future__ import annotations

import msgspec

from answerback.codec import decoder, encode
from answerback.store.fleet import keys
from answerback.store.redis import Database


class RemoteAgent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A registered remote agent.

    Attributes:
        url: Base URL of its endpoint `/agents/chat/{sessionId}`.
        lifecycle: "long-lived", the only value.
        chat: Whether it accepts chat messages.
        at: When it was registered, ms.
        bearer_token: Token sent with requests to it; "" if none. Stored in plain text, since workers must send it.
    """

    name: str
    url: str
    description: str = ""
    lifecycle: str = "long-lived"
    chat: bool = True
    at: int = 0
    bearer_token: str = ""

    def __repr__(self) -> str:
        return f"Remote({self.name!r}, {self.url!r})"


_decode = decoder(RemoteAgent)


class RemoteAgents:
    """The remote agents of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, workspace: str, remote: RemoteAgent) -> tuple[RemoteAgent, bool]:
        """Register an agent, replacing one with the same name. Return it, and whether it is new."""
        registered = msgspec.structs.replace(remote, at=await self._database.now())
        new = await self._database.call("HSET", keys.remote_agents(workspace), remote.name, encode(registered))
        return registered, bool(new)

    async def remove(self, workspace: str, name: str) -> bool:
        """Remove an agent: no further turn reaches it. Return False if there was none."""
        return bool(await self._database.call("HDEL", keys.remote_agents(workspace), name))

    async def get(self, workspace: str, name: str) -> RemoteAgent | None:
        """Return an agent by name; None if there is none."""
        encoded = await self._database.call("HGET", keys.remote_agents(workspace), name)
        return _decode(encoded) if encoded is not None else None

    async def list(self, workspace: str) -> list[RemoteAgent]:
        """Return all agents of a workspace, by name."""
        encoded = await self._database.call("HVALS", keys.remote_agents(workspace))
        return sorted(map(_decode, encoded), key=lambda remote: remote.name)
