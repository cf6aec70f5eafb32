"""The dialog flows of agents, as reported by workers, and the positions of threads in them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from answerback.diagrams.diagram import Sketch
from answerback.store import keys
from answerback.store.decode import readable
from answerback.store.fleet import keys as fleet_keys
from answerback.store.threads.threads import Threads


class FlowPosition(msgspec.Struct, frozen=True):
    """A thread's position in its agent's flow. `node`: the id of the node, which may no longer exist in the flow."""

    agent: str
    node: str
    sketch: Sketch


class _Place(msgspec.Struct):
    node: str


class _State(msgspec.Struct):
    """The part of a thread's state that we read; written by `answerback.flows.state`."""

    flows: dict[str, _Place] = {}


_encode = msgspec.msgpack.Encoder().encode
_sketch = msgspec.msgpack.Decoder(Sketch)
_state = msgspec.msgpack.Decoder(_State).decode


class Flows:
    """The flows of all agents in code."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database

    async def tell(self, sketches: Mapping[str, Sketch | None]) -> None:
        """Store the agents' flows; None for an agent that has no flow, or no longer has one."""
        encoded = {agent: _encode(sketch) for agent, sketch in sketches.items() if sketch}
        if fields := [word for field in encoded.items() for word in field]:
            await self._database.call("HSET", fleet_keys.flows(), *fields)
        if others := [agent for agent in sketches if agent not in encoded]:
            await self._database.call("HDEL", fleet_keys.flows(), *others)

    async def standing(self, thread: str) -> FlowPosition | None:
        """Return a thread's position; None unless the agent that answered last in it has a known flow."""
        key = keys.thread(self._threads.partition(thread), thread)
        agent, state = await self._database.call("HMGET", key, "agent", "state")
        if not agent or not state:
            return None
        try:
            place = _state(state).flows.get(agent.decode())
        except msgspec.ValidationError:
            # An agent without a flow may use this name in its state for something else.
            return None
        sketch = await self._database.call("HGET", fleet_keys.flows(), agent) if place else None
        if place is None or sketch is None:
            return None
        return next((FlowPosition(agent.decode(), place.node, drawn) for drawn in readable(_sketch, [sketch])), None)
