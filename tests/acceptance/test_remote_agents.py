"""Agents: who there is, messages to them by their names, and remote ones that are registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from answerback.codec import encode
from answerback.store.embedded import EmbeddedServer
from answerback.store.fleet import keys
from answerback.store.fleet.remote_agents import RemoteAgents
from tests.acceptance.caller import Caller, calling
from tests.acceptance.conftest import emptied
from tests.acceptance.remote import RemoteAgent, remote_agent
from tests.acceptance.system import System, free_port, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHATTERS = "tests.acceptance.chatters:chatters"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[System, RemoteAgent]]:
    """An ingress and a worker, which may reach this machine; the worker has a remote agent in its code, too."""
    settings = {
        "TURN_MAX_ATTEMPTS": "3",
        "TURN_RETRY_SECONDS": "0.05",
        "ALLOW_PRIVATE_URLS": "true",
        "API_RATE": "100000",
    }
    async with remote_agent() as remote, System.running(tmp_path_factory.mktemp("remote"), settings) as opened:
        await asyncio.gather(opened.ingress(), opened.worker(CHATTERS, REMOTE=remote.url))
        yield opened, remote


@pytest.fixture
def chat(running: tuple[System, RemoteAgent]) -> System:
    """The same in a workspace of this test."""
    running[0].begin()
    return running[0]


@pytest_asyncio.fixture(loop_scope="module")
async def plain(tmp_path: Path, standing_server: EmbeddedServer) -> AsyncIterator[System]:
    """A system of a test's own, in the loop of the remote agent."""
    async with emptied(standing_server, tmp_path, {}) as opened:
        yield opened


@pytest.fixture
def remote(running: tuple[System, RemoteAgent]) -> RemoteAgent:
    """The remote agent, as new."""
    running[1].forget()
    return running[1]


def registration(remote: RemoteAgent, id: str = "weather", **spec: Any) -> dict[str, Any]:
    """What registers it."""
    spec = {"lifecycle": "long-lived", "supportsChat": True, **spec}
    return {"id": id, "url": remote.url, "description": "Knows the weather.", "runtimeSpec": spec}


async def agents(caller: Caller) -> dict[str, dict[str, Any]]:
    """Who there is."""
    status, found = await caller.get("/v1/agents")
    assert status == 200
    return {agent["id"]: agent for agent in found["agents"]}


async def test_agents_are_listed_with_what_they_are_and_how_they_go(chat: System) -> None:
    async with calling(chat) as caller:
        found = await agents(caller)
        assert list(found) == sorted(found)
        assert found["twice"] == {
            "id": "twice", "name": "twice", "description": "Says two things.", "lifecycle": "long-lived",
            "supportsChat": True, "arrival": "queue", "url": None, "hasBearerToken": None,
            "inputSchema": None, "outputSchema": None, "reachability": None, "leaseExpiresAt": None,
            "unavailable": None, "workers": 1, "turnsRunning": 0, "latencyP50": None,
        }  # fmt: skip
        assert not found["platforms-only"]["supportsChat"]
        assert found["drop"]["arrival"] == "drop"
        running = asyncio.create_task(caller.post("/v1/agents/drop/message", {"message": "a"}))

        async def busy() -> int:
            return int((await agents(caller))["drop"]["turnsRunning"])

        await until(busy)
        chat.release()
        assert (await running)[0] == 200

        async def measured() -> bool:
            now = (await caller.get("/api/v1/agents/drop"))[1]
            return now["turnsRunning"] == 0 and now["latencyP50"] is not None

        await until(measured)


async def test_an_agent_whose_workers_are_away_is_known_still_and_answers_when_one_is_back(
    chat: System, remote: RemoteAgent
) -> None:
    async with calling(chat) as caller:
        worker = (await chat.roster.workers())[0][0]
        for process in chat._processes:
            if process.pid == worker.pid:
                await process.stop()
        assert (await agents(caller))["echo"]["workers"] == 0
        asked = asyncio.create_task(caller.post("/v1/agents/echo/message", {"message": "hi"}))
        await chat.worker(CHATTERS, REMOTE=remote.url)
        status, answer = await asked
        assert (status, answer["result"]) == (200, {"response": "echo: hi"})


async def test_a_message_to_an_agent_is_answered_with_where_it_stands(chat: System) -> None:
    async with calling(chat) as caller:
        status, first = await caller.post("/v1/agents/count/message", {"message": "hi"})
        assert (status, first["result"]) == (200, {"response": "0"})
        meta = first["_meta"]
        assert meta["dispatchId"] == meta["messageId"] == meta["turnId"]
        assert (meta["agent"], meta["status"]) == ("count", "completed")
        again = {"message": "hi", "sessionId": meta["sessionId"]}
        assert (await caller.post("/api/v1/agents/count/message", again))[1]["result"] == {"response": "1"}
        assert (await caller.post(f"/agents/count/{meta['sessionId']}", {"message": "hi"}))[1]["result"][
            "response"
        ] == "2"
        _, thread = await caller.get(f"/api/v1/chat/threads/{meta['threadId']}")
        assert [message["content"] for message in thread["messages"]] == ["hi", "0", "hi", "1", "hi", "2"]
        named = [await caller.post("/agents/count/what%2Fever it is", {"message": "hi"}) for _ in range(2)]
        assert [answer["result"]["response"] for _, answer in named] == ["0", "1"]
        # The same name with another agent is another session.
        _, other = await caller.post("/agents/shows/what%2Fever it is", {"message": "hi"})
        assert other["result"]["response"] == "system: \nnow: hi"
        _, default = await caller.post("/agents/chat/s1", {"message": "hi"})
        assert default["result"]["response"] == "echo: hi"
        assert default["_meta"]["agent"] == "echo"


async def test_who_cannot_be_talked_to_is_refused(chat: System) -> None:
    async with calling(chat) as caller:
        for path, expected in (
            ("/v1/agents/nobody/message", (404, "no-such-agent")),
            ("/agents/nobody/s1", (404, "no-such-agent")),
            ("/v1/agents/platforms-only/message", (409, "no-chat")),
        ):
            status, problem = await caller.post(path, {"message": "hi"})
            assert (status, problem["type"].partition("#")[2]) == expected


async def test_a_registered_agent_is_one_like_any_other(chat: System, remote: RemoteAgent) -> None:
    async with calling(chat, "admin") as admin:
        status, made = await admin.post("/v1/agents", registration(remote))
        assert (status, made["id"], made["url"], made["workers"]) == (201, "weather", remote.url, 0)
        assert made["unavailable"] == "no worker has reached it yet"
        for answer in ("heard a", "heard a, b"):
            body = {"message": answer[-1], "sessionId": "s1"}
            assert (await admin.post("/v1/agents/weather/message", body))[1]["result"] == {"response": answer}
        remote.wrapped = True
        completion = {"model": "weather", "messages": [{"role": "system", "content": "hush"},
                      {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                      {"role": "user", "content": "c"}]}  # fmt: skip
        _, done = await admin.post("/v1/chat/completions", completion)
        assert done["choices"][0]["message"]["content"] == "heard c"
        assert remote.asked[-1]["system"] == "hush"
        assert remote.asked[-1]["context"] == [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
        ]
        _, thread = await admin.post("/api/v1/chat/threads", {"agent": "weather"})
        _, said = await admin.post(f"/api/v1/chat/threads/{thread['id']}/messages", {"content": "x"})
        assert "heard x" in str(said)
        assert (await admin.call("DELETE", "/v1/agents/weather"))[0] == 204
        assert (await admin.post("/v1/agents/weather/message", {"message": "a"}))[0] == 404
        assert (await admin.call("DELETE", "/v1/agents/weather"))[0] == 404
        assert (await admin.call("DELETE", "/v1/agents/echo"))[0] == 409
        assert (await admin.post("/v1/agents", registration(remote, "echo")))[0] == 409


async def test_a_remote_agent_may_be_in_the_code(chat: System, remote: RemoteAgent) -> None:
    async with calling(chat) as caller:
        _, answer = await caller.post("/v1/agents/elsewhere/message", {"message": "hi"})
        assert answer["result"] == {"response": "heard hi"}
        assert (await agents(caller))["elsewhere"]["url"] is None


async def test_a_remote_agent_that_is_away_is_asked_again_with_the_same_key(chat: System, remote: RemoteAgent) -> None:
    async with calling(chat, "admin") as admin:
        await admin.post("/v1/agents", registration(remote))
        remote.statuses = [503, 429]
        _, answer = await admin.post("/v1/agents/weather/message", {"message": "hi"})
        assert answer["result"] == {"response": "heard hi"}
        assert len(remote.keys) == 3
        assert len(set(remote.keys)) == 1
        remote.statuses = [500] * 3
        status, problem = await admin.post("/v1/agents/weather/message", {"message": "hi"})
        assert (status, "500" in problem["detail"]) == (502, True)
        assert len(remote.asked) == 6
        remote.statuses = [422]
        status, problem = await admin.post("/v1/agents/weather/message", {"message": "hi"})
        assert (status, "422" in problem["detail"]) == (502, True)
        assert len(remote.asked) == 7, "a refusal is final"
        await admin.post("/v1/agents", registration(remote, "gone") | {"url": "http://127.0.0.1:1"})
        status, problem = await admin.post("/v1/agents/gone/message", {"message": "hi"})
        assert (status, "did not respond" in problem["detail"]) == (502, True)


async def test_a_worker_that_dies_while_it_asks_is_followed_by_one_with_the_same_key(
    plain: System, remote: RemoteAgent
) -> None:
    plain.settings |= {"ALLOW_PRIVATE_URLS": "true"}
    _, first = await asyncio.gather(plain.ingress(), plain.worker(CHATTERS))
    waiting = asyncio.Event()
    remote.hold = waiting
    async with calling(plain, "admin") as admin:
        await admin.post("/v1/agents", registration(remote))
        asked = asyncio.create_task(admin.post("/v1/agents/weather/message", {"message": "hi"}))

        async def arrived() -> int:
            return len(remote.asked)

        await until(arrived)
        await first.kill()
        waiting.set()
        await plain.worker(CHATTERS)
        assert (await asked)[1]["result"]["response"].startswith("heard hi")
    assert len(set(remote.keys)) == 1
    assert len(remote.keys) == 2


async def test_another_workspace_neither_sees_nor_reaches_it(chat: System, remote: RemoteAgent) -> None:
    async with calling(chat, "admin") as admin, calling(chat, "admin", workspace="other") as other:
        await admin.post("/v1/agents", registration(remote))
        assert "weather" in await agents(admin)
        assert "weather" not in await agents(other)
        assert (await other.get("/v1/agents/weather"))[0] == 404
        assert (await other.call("DELETE", "/v1/agents/weather"))[0] == 404
        status, problem = await other.post("/v1/agents/weather/message", {"message": "hi"})
        assert (status, "weather" in problem["detail"].partition(";")[2]) == (404, False)
        assert (await other.post("/api/v1/chat/threads", {"agent": "weather"}))[0] == 404
        assert (await other.post("/v1/chat/completions", {"model": "weather", "messages": []}))[0] in (400, 404)
        models = (await other.get("/v1/models"))[1]["data"]
        assert "weather" not in [model["id"] for model in models]
        assert remote.asked == []
        # Each may have one of its own by that name.
        await other.post("/v1/agents", registration(remote, supportsChat=False))
        assert (await other.post("/v1/agents/weather/message", {"message": "hi"}))[0] == 409
        assert (await admin.post("/v1/agents/weather/message", {"message": "hi"}))[0] == 200


async def test_whether_one_can_be_reached_is_shown_beside_what_it_declares(chat: System, remote: RemoteAgent) -> None:
    async with calling(chat, "admin") as admin, calling(chat) as server:
        await admin.post("/v1/agents", registration(remote))
        await admin.post("/v1/agents", registration(remote, "away") | {"url": "http://127.0.0.1:1"})
        await admin.post("/v1/agents", {"id": "quiet", "url": remote.url})
        await admin.post("/v1/agents", registration(remote, "brief", lifecycle="short-lived"))

        async def probed() -> bool:
            return all(each["reachability"]["checkedAt"] for each in (await agents(admin)).values() if each["url"])

        await until(probed)
        found = await agents(admin)
        assert {name: (found[name]["unavailable"], found[name]["workers"]) for name in ("weather", "away")} == {
            "weather": (None, 1),
            "away": ("it cannot be reached", 0),
        }
        reached, away = found["weather"]["reachability"], found["away"]["reachability"]
        assert (reached["state"], reached["lastError"]) == ("reachable", None)
        assert reached["lastSeen"] == reached["checkedAt"]
        assert (away["state"], away["lastSeen"], "cannot connect" in away["lastError"]) == ("unreachable", None, True)
        assert "127.0.0.1" not in (await agents(server))["away"]["reachability"]["lastError"]
        assert [found[name]["supportsChat"] for name in ("weather", "away", "quiet", "brief")] == [
            True, True, False, True,
        ]  # fmt: skip
        assert found["quiet"]["unavailable"] == "chat is disabled"
        assert found["brief"]["unavailable"] == "its lifecycle is short-lived"
        for name in ("quiet", "brief"):
            assert (await admin.post(f"/api/agents/{name}/message", {"message": "hi"}))[0] == 409
        assert (await admin.post("/api/agents/weather/message", {"message": "hi"}))[0] == 200
        models = [model["id"] for model in (await admin.get("/v1/models"))[1]["data"]]
        assert [name in models for name in ("weather", "quiet", "brief")] == [True, False, False]


async def test_an_agent_registers_itself_and_renews_its_lease(chat: System, remote: RemoteAgent) -> None:
    own, mine = "agents:register", registration(remote) | {"leaseSeconds": 60}
    async with calling(chat, own) as agent, calling(chat, own) as other, calling(chat, "admin") as admin:
        status, problem = await agent.post("/v1/agents", registration(remote))
        assert (status, problem["errors"][0]["at"]) == (422, "/leaseSeconds")
        status, made = await agent.post("/v1/agents", mine)
        assert status == 201
        status, renewed = await agent.call("PUT", "/v1/agents/weather/lease")
        assert (status, renewed["leaseExpiresAt"] > made["leaseExpiresAt"]) == (200, True)
        # Its key is good for nothing else.
        assert (await agent.get("/v1/agents"))[0] == 403
        assert (await agent.post("/v1/agents/weather/message", {"message": "hi"}))[0] == 403
        for method, path, body in (
            ("POST", "/v1/agents", mine),
            ("PUT", "/v1/agents/weather/lease", None),
            ("DELETE", "/v1/agents/weather", None),
        ):
            assert (await other.call(method, path, body))[0] == 409
        assert (await other.call("PUT", "/v1/agents/echo/lease"))[0] == 409
        assert (await other.call("PUT", "/v1/agents/nobody/lease"))[0] == 404
        assert (await admin.post("/v1/agents/weather/message", {"message": "hi"}))[0] == 200
        registered = await RemoteAgents(chat.database).get(chat.workspace, "weather")
        assert registered is not None
        ended = encode(msgspec.structs.replace(registered, expires=1 + registered.at))
        await chat.database.call("HSET", keys.remote_agents(chat.workspace), "weather", ended)
        found = (await agents(admin))["weather"]
        assert (found["reachability"]["state"], found["unavailable"]) == ("gone", "its lease was not renewed")
        status, problem = await admin.post("/v1/agents/weather/message", {"message": "hi"})
        assert (status, problem["type"].partition("#")[2]) == (409, "agent-gone")
        # Its name is free again.
        assert (await other.post("/v1/agents", mine))[0] == 201
        assert (await other.call("DELETE", "/v1/agents/weather"))[0] == 204


async def test_agents_are_started_under_up_alone(chat: System) -> None:
    async with calling(chat, "admin") as admin:
        path = "/api/v1/admin/agent-templates"
        assert await admin.get(path) == (200, {"templates": []})
        for action in ("start", "stop"):
            status, problem = await admin.post(f"{path}/notes/{action}", None)
            assert (status, "only `answerback up` starts agents" in problem["detail"]) == (404, True)


async def test_only_an_admin_registers_and_only_what_can_be_asked(chat: System, remote: RemoteAgent) -> None:
    async with calling(chat) as caller, calling(chat, "admin") as admin:
        assert (await caller.post("/v1/agents", registration(remote)))[0] == 403
        assert (await caller.call("DELETE", "/v1/agents/weather"))[0] == 403
        for url in ("ftp://example.com", "example.com", "https://", "https://user:pass@example.com", "https://a/?b=c"):
            status, problem = await admin.post("/v1/agents", {"id": "weather", "url": url})
            assert (status, problem["errors"][0]["at"]) == (422, "/url"), url
        assert (await admin.post("/v1/agents", {"id": "chat", "url": remote.url}))[0] == 409


async def test_private_addresses_are_not_asked(plain: System, remote: RemoteAgent) -> None:
    await asyncio.gather(plain.ingress(), plain.worker(CHATTERS))
    async with calling(plain, "admin") as admin:
        for url in (remote.url, "http://localhost:6379", "http://[::1]/", "http://10.0.0.1", "http://169.254.169.254"):
            status, problem = await admin.post("/v1/agents", {"id": "weather", "url": url})
            assert (status, problem["type"].partition("#")[2]) == (422, "forbidden-address"), url
        # Where ingress allows it and the worker does not, the worker has the last word.
        other = free_port()
        await plain.ingress(PORT=str(other), ALLOW_PRIVATE_URLS="true")
        admin.base = f"http://127.0.0.1:{other}"
        assert (await admin.post("/v1/agents", registration(remote)))[0] == 201
        status, problem = await admin.post("/v1/agents/weather/message", {"message": "hi"})
        assert (status, "ALLOW_PRIVATE_URLS" in problem["detail"]) == (502, True)
    assert remote.asked == []
