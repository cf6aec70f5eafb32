"""Remote agents are asked with their bearer tokens, which nothing else ever shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.acceptance.caller import Caller, calling
from tests.acceptance.described import Names, Operation
from tests.acceptance.remote import RemoteAgent, remote_agent
from tests.acceptance.system import System
from tests.acceptance.terminal import Terminal

CHATTERS = "tests.acceptance.chatters:chatters"
TOKEN = "q8Zr.5TnW~mK-1x/Yb+7Lc=="
IN_CODE = "Jd4vPq0sHe9_2kXw"


@pytest.fixture
async def remote() -> AsyncIterator[RemoteAgent]:
    """A remote agent that answers nobody without a token."""
    async with remote_agent() as agent:
        agent.wants = TOKEN
        yield agent


@pytest.fixture
async def chat(plain: System, remote: RemoteAgent) -> System:
    """An ingress and a worker at their most talkative, which may reach this machine."""
    plain.settings |= {
        "TURN_MAX_ATTEMPTS": "2",
        "TURN_RETRY_SECONDS": "0.05",
        "ALLOW_PRIVATE_URLS": "true",
        "API_RATE": "100000",
        "API_BURST": "100000",
        "LOG_LEVEL": "debug",
    }
    await asyncio.gather(plain.ingress(), plain.worker(CHATTERS, REMOTE=remote.url, REMOTE_TOKEN=IN_CODE))
    return plain


def registration(remote: RemoteAgent, **more: Any) -> dict[str, Any]:
    """What registers it."""
    return {"id": "weather", "url": remote.url, "runtimeSpec": {"supportsChat": True}, **more}


async def asked(caller: Caller, agent: str = "weather") -> tuple[int, Any]:
    """What it says to a message."""
    return await caller.post(f"/v1/agents/{agent}/message", {"message": "hi"})


async def test_a_registered_agent_is_asked_with_its_token_until_it_has_another(
    chat: System, remote: RemoteAgent
) -> None:
    async with calling(chat, "admin") as admin:
        status, made = await admin.post("/v1/agents", registration(remote))
        assert (status, made["hasBearerToken"]) == (201, False)
        assert (await asked(admin))[0] == 502
        assert remote.shown == [""]
        status, made = await admin.post("/v1/agents", registration(remote, bearerToken=TOKEN))
        assert (status, made["hasBearerToken"]) == (201, True)
        assert (await asked(admin))[0] == 200
        await admin.post("/v1/agents", registration(remote, bearerToken=IN_CODE))
        status, problem = await asked(admin)
        assert (status, "status 401" in problem["detail"]) == (502, True)
        assert len(remote.shown) == 3, "a refusal is final"
        await admin.post("/v1/agents", registration(remote))
        assert not (await admin.get("/v1/agents/weather"))[1]["hasBearerToken"]
        assert (await asked(admin))[0] == 502
        assert remote.shown[-1] == ""


async def test_one_in_the_code_is_asked_with_its_own(chat: System, remote: RemoteAgent) -> None:
    remote.wants = IN_CODE
    async with calling(chat) as caller:
        status, answer = await asked(caller, "elsewhere")
        assert (status, answer["result"]) == (200, {"response": "heard hi"})


async def test_no_route_no_log_and_no_command_shows_a_token(
    chat: System, remote: RemoteAgent, terminal: Terminal
) -> None:
    found: dict[str, str] = {}
    async with calling(chat, "admin") as admin, aiohttp.ClientSession() as session:
        made = await admin.post("/v1/agents", registration(remote, bearerToken=TOKEN), Idempotency_Key="k1")
        again = await admin.post("/v1/agents", registration(remote, bearerToken=TOKEN), Idempotency_Key="k1")
        found["registered"], found["again"] = json.dumps(made), json.dumps(again)
        for told in (f"{TOKEN} ", f"{TOKEN}ü", "=" + TOKEN, [TOKEN], {"token": TOKEN}):
            status, problem = await admin.post("/v1/agents", registration(remote, bearerToken=told))
            assert status == 422
            assert problem["errors"][0]["at"].startswith("/bearerToken")
            found[f"refused {told}"] = json.dumps(problem)
        assert (await asked(admin))[0] == 200
        # From here on it repeats what it is shown, as careless agents do; and then it is away.
        remote.wants = "another"
        found["wrong"] = json.dumps([await asked(admin), await asked(admin, "elsewhere")])
        remote.statuses, remote.wants = [500] * 4, ""
        found["away"] = json.dumps([await asked(admin), await asked(admin, "elsewhere")])
        assert {*remote.shown} == {f"Bearer {TOKEN}", f"Bearer {IN_CODE}"}
        _, document = await admin.get("/api/v1/openapi.json")
        threads = (await admin.get("/api/v1/chat/threads"))[1]["threads"]
        letters = (await admin.get("/api/v1/admin/dead-letters"))[1]["dead_letters"]
        assert len(letters) == 4
        ids = ["weather", *(each["id"] for each in [*threads, *letters])]
        for operation in Operation.all(document):
            if operation.method == "GET" and not operation.path.endswith("/stream"):
                for id in ids:
                    address = operation.address(Names(id, id, remote.url), query=False)
                    headers = {"Authorization": f"Bearer {admin.key}"}
                    async with session.get(admin.base + address, headers=headers) as answer:
                        found[address] = await answer.text()
    assert '"hasBearerToken":true' in found["/api/v1/agents"].replace(": ", ":")
    for words in ("threads", "dead", f"dead show {letters[0]['id']}", "workers", "check", "export --all"):
        done = await asyncio.to_thread(terminal.run, *words.split(), REDIS_URL=chat.server.url)
        found[words] = done.out + done.err
    assert "weather" in found["dead"]
    assert "weather" in found["export --all"]
    for log in chat.folder.glob("*-*.log"):
        found[log.name] = log.read_text()
    assert sum(name.endswith(".log") for name in found) == 2
    for where, text in found.items():
        for secret in (TOKEN, IN_CODE):
            assert secret not in text, (where, text[max(0, text.find(secret) - 300) : text.find(secret)])


async def test_a_token_goes_over_https_alone(plain: System) -> None:
    await plain.ingress()
    async with calling(plain, "admin") as admin:
        plainly = {"id": "weather", "url": "http://weather.example.com", "bearerToken": TOKEN}
        status, problem = await admin.post("/v1/agents", plainly)
        assert (status, problem["errors"][0]["at"]) == (422, "/bearerToken")
        assert (await admin.post("/v1/agents", plainly | {"url": "https://weather.example.com"}))[0] == 201
