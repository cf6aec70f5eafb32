"""Agents as workers and those who registered them tell of them."""

from __future__ import annotations

from typing import Any

from answerback.store.fleet.agents import AgentDirectory
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.fleet.workers import AgentReport, WorkerRegistry, WorkerReport
from answerback.store.threads.threads import Threads


def _worker(id: str, *agents: AgentReport, lease: int = 60_000, state: str = "working") -> WorkerReport:
    facts: dict[str, Any] = {"host": "h", "pid": 1, "started": 0, "seen": 0, "turns": 0, "sending": 0}
    return WorkerReport(id=id, lease=lease, state=state, concurrency=9, done=0, failed=0, agents=agents, **facts)


async def test_what_workers_tell_is_put_together(threads: Threads) -> None:
    roster, directory = WorkerRegistry(threads.database), AgentDirectory(threads.database)
    a = AgentReport("a", "An agent.", turns=2, times=(1.0, 2.0, 9.0))
    await roster.report(_worker("w1", a, AgentReport("b", chat=False, arrival="drop")))
    await roster.report(_worker("w2", AgentReport("a", turns=1, times=(3.0,)), state="stopping"))
    await roster.report(_worker("w3", AgentReport("a", turns=7, times=(999.0,)), lease=-1))
    found = {known.name: (known, standing) for known, standing in await directory.list("default")}
    assert list(found) == ["a", "b"]
    assert (found["a"][1].workers, found["a"][1].turns, found["a"][1].p50) == (1, 3, 2.5)
    assert (found["b"][0].chat, found["b"][0].arrival, found["b"][1].p50) == (False, "drop", None)


async def test_an_agent_is_known_while_its_worker_is_away(threads: Threads) -> None:
    roster, directory = WorkerRegistry(threads.database), AgentDirectory(threads.database)
    await roster.report(_worker("w1", AgentReport("a", "An agent.")))
    await roster.leave("w1")
    known = await directory.get("default", "a")
    assert known is not None
    assert known.description == "An agent."
    assert [standing.workers for _, standing in await directory.list("default")] == [0]
    assert await directory.get("default", "b") is None


async def test_registered_agents_belong_to_one_workspace_and_yield_to_those_in_code(threads: Threads) -> None:
    roster, remotes, directory = (
        WorkerRegistry(threads.database),
        RemoteAgents(threads.database),
        AgentDirectory(threads.database),
    )
    assert (await remotes.register("acme", RemoteAgent(name="r", url="https://one")))[1]
    assert not (await remotes.register("acme", RemoteAgent(name="r", url="https://two")))[1]
    await roster.report(_worker("w1", AgentReport("a"), AgentReport("r", workspace="acme", turns=1, times=(4.0,))))
    await roster.report(_worker("w2", AgentReport("r", workspace="other", turns=5, times=(50.0,))))
    assert await directory.get("other", "r") is None
    assert [known.name for known, _ in await directory.list("other")] == ["a"]
    known, standing = (await directory.list("acme"))[1]
    assert (known.url, standing.workers, standing.turns, standing.p50) == ("https://two", 2, 1, 4.0)
    await roster.report(_worker("w3", AgentReport("r")))
    own = await directory.get("acme", "r")
    assert own is not None
    assert own.url == ""
    assert [known.url for known, _ in await directory.list("acme") if known.name == "r"] == [""]
    assert await remotes.remove("acme", "r")
    assert not await remotes.remove("acme", "r")
