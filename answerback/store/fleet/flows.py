"""The dialog flows that agents follow, as workers told of them, and where threads stand in them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from answerback.diagrams.diagram import Sketch
from answerback.store import keys
from answerback.store.decode import readable
from answerback.store.threads.threads import Threads


class FlowPosition(msgspec.Struct, frozen=True):
    """Where a thread stands in its agent's flow. `node`: the id of the node, which the flow may have lost since."""

    agent: str
    node: str
    sketch: Sketch


class _Place(msgspec.Struct):
    node: str


class _State(msgspec.Struct):
    """What we read of a thread's state; `answerback.flows.state` is who writes it."""

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
        """Keep what agents follow; None: one that follows no flow, or does so no more."""
        told = {agent: _encode(sketch) for agent, sketch in sketches.items() if sketch}
        if fields := [word for field in told.items() for word in field]:
            await self._database.call("HSET", keys.flows(), *fields)
        if others := [agent for agent in sketches if agent not in told]:
            await self._database.call("HDEL", keys.flows(), *others)

    async def standing(self, thread: str) -> FlowPosition | None:
        """Where a thread stands; None unless the agent that answered last there follows a flow that is known."""
        key = keys.thread(self._threads.partition(thread), thread)
        agent, state = await self._database.call("HMGET", key, "agent", "state")
        if not agent or not state:
            return None
        try:
            place = _state(state).flows.get(agent.decode())
        except msgspec.ValidationError:
            # An agent's state is its own: in one that follows no flow, the name may mean something else.
            return None
        sketch = await self._database.call("HGET", keys.flows(), agent) if place else None
        if place is None or sketch is None:
            return None
        return next((FlowPosition(agent.decode(), place.node, drawn) for drawn in readable(_sketch, [sketch])), None)
