"""The diagrams of agents' flows, and the positions of threads in them."""

from __future__ import annotations

from typing import Any

import msgspec

from answerback.codec import encode
from answerback.diagrams.diagram import Arrow, Box, Sketch
from answerback.flow_position import FlowPosition
from answerback.flows.state import FlowState
from answerback.store.fleet import keys as fleet_keys
from answerback.store.fleet.flows import Flows
from answerback.store.fleet.workers import AgentReport, WorkerRegistry, WorkerReport
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, turn

SKETCH = Sketch("a", (Box("a", "Welcome", "static"),), (Arrow("a", "a", "again"),))


def _at(node: str, agent: str = "kyc") -> dict[str, Any]:
    state: dict[str, Any] = {}
    FlowState(node=node, values={"name": "Ada"}, turns=2).save(state, agent)
    return state


async def _position(flows: Flows) -> FlowPosition | None:
    stored = await flows.of(THREAD)
    return FlowPosition.read(stored.agent, stored.state, stored.diagram) if stored else None


async def _answered(threads: Threads, number: int, agent: str, state: dict[str, Any]) -> None:
    """A turn of an agent is committed."""
    await accept(threads, number)
    ending = turn(await claim(threads), state=encode(state))
    await threads.commit(msgspec.structs.replace(ending, agent=agent))


async def test_a_threads_position_is_that_of_the_agent_that_answered_last(threads: Threads) -> None:
    flows = Flows(threads)
    await flows.report({"kyc": encode(SKETCH), "b": None})
    await _answered(threads, 1, "kyc", _at("a"))
    position = await _position(flows)
    assert position is not None
    assert (position.agent, position.node, position.sketch) == ("kyc", "a", SKETCH)
    for number, (agent, state) in enumerate(
        [("b", _at("a")), ("kyc", {}), ("kyc", {"flows": "mine"}), ("kyc", _at("a", "b"))], 2
    ):
        await _answered(threads, number, agent, state)
        assert await _position(flows) is None
    await _answered(threads, 6, "kyc", _at("gone"))
    position = await _position(flows)
    assert position is not None
    assert position.node == "gone"
    await flows.report({"kyc": None})
    assert await _position(flows) is None
    assert await flows.of("standard:unknown") is None


async def test_a_flow_is_removed_with_its_agent(threads: Threads) -> None:
    roster, flows = WorkerRegistry(threads.database), Flows(threads)
    facts: dict[str, Any] = {"host": "h", "pid": 1, "started": 0, "seen": 0, "turns": 0, "sending": 0, "lease": 60_000}
    agents = (AgentReport("kyc"), AgentReport("b"))
    await roster.report(WorkerReport(id="w", state="working", concurrency=9, done=0, failed=0, agents=agents, **facts))
    await flows.report({"kyc": encode(SKETCH)})
    await _answered(threads, 1, "kyc", _at("a"))
    assert len(await roster.agents()) == 2
    assert await _position(flows) is not None
    await threads.database.call("HSET", fleet_keys.agents(), "kyc", encode(AgentReport("kyc", seen=1)))
    assert [report.name for report in await roster.agents()] == ["b"]
    assert await _position(flows) is None
