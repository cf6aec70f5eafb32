"""The diagrams of agents' dialog flows, as reported by workers, and the state of threads in those flows."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from answerback.store import keys
from answerback.store.fleet import keys as fleet_keys
from answerback.store.threads.threads import Threads


class StoredFlow(msgspec.Struct, frozen=True):
    """A thread's state as its agent left it, and the diagram of that agent's flow; see `answerback.flow_position`."""

    agent: str
    state: bytes
    diagram: bytes


class Flows:
    """The flows of all agents in code. Their diagrams and states are bytes here."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database

    async def report(self, diagrams: Mapping[str, bytes | None]) -> None:
        """Store the agents' diagrams; None for an agent that has no flow, or no longer has one."""
        if fields := [word for agent, diagram in diagrams.items() if diagram for word in (agent, diagram)]:
            await self._database.call("HSET", fleet_keys.flows(), *fields)
        if others := [agent for agent, diagram in diagrams.items() if not diagram]:
            await self._database.call("HDEL", fleet_keys.flows(), *others)

    async def of(self, thread: str) -> StoredFlow | None:
        """Return a thread's state and diagram; None unless the agent that answered last in it has a flow."""
        key = keys.thread(await self._threads.locate(thread), thread)
        agent, state = await self._database.call("HMGET", key, "agent", "state")
        if not agent or not state:
            return None
        diagram = await self._database.call("HGET", fleet_keys.flows(), agent)
        return StoredFlow(agent.decode(), state, diagram) if diagram is not None else None
