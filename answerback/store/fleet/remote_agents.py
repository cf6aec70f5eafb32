"""Remote agents that were registered with a workspace: nobody outside of it sees them, or reaches them."""

from __future__ import annotations

import msgspec

from answerback.store import keys
from answerback.store.redis import Database


class RemoteAgent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A remote agent as it was registered.

    url        where it serves `/agents/chat/{sessionId}`
    lifecycle  "long-lived": the one there is
    chat       whether it can be talked to
    at         when it was registered, ms
    bearer_token  a secret that it is asked with; "" where it wants none. It lies here as it is: workers must show it
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


_encode = msgspec.msgpack.Encoder().encode
_remote = msgspec.msgpack.Decoder(RemoteAgent).decode


class RemoteAgents:
    """The remote agents of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, workspace: str, remote: RemoteAgent) -> tuple[RemoteAgent, bool]:
        """Keep one, in place of an earlier one of its name. Returns it, and whether there was none."""
        kept = msgspec.structs.replace(remote, at=await self._database.now())
        new = await self._database.call("HSET", keys.remotes(workspace), remote.name, _encode(kept))
        return kept, bool(new)

    async def remove(self, workspace: str, name: str) -> bool:
        """Take one away: from now on no turn reaches it. False when there was none."""
        return bool(await self._database.call("HDEL", keys.remotes(workspace), name))

    async def get(self, workspace: str, name: str) -> RemoteAgent | None:
        """One of them."""
        found = await self._database.call("HGET", keys.remotes(workspace), name)
        return _remote(found) if found is not None else None

    async def list(self, workspace: str) -> list[RemoteAgent]:
        """All of a workspace, by name."""
        found = await self._database.call("HVALS", keys.remotes(workspace))
        return sorted(map(_remote, found), key=lambda remote: remote.name)
