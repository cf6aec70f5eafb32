"""The official clients for Node: they read what we answer as strictly as those for Python, and in other places."""

from __future__ import annotations

import asyncio

import pytest

from tests.acceptance import node
from tests.acceptance.caller import calling, key
from tests.acceptance.system import System

CHATTERS = "tests.acceptance.chatters:chatters"


@pytest.fixture
async def chat(plain: System) -> System:
    """An ingress, and a worker with agents to talk to."""
    await asyncio.to_thread(node.installed)
    plain.settings["TURN_MAX_ATTEMPTS"] = "1"
    await asyncio.gather(plain.ingress(), plain.worker(CHATTERS))
    return plain


async def test_openais_client_for_node_talks_to_agents(chat: System) -> None:
    told = await node.run(
        "openai.mjs", BASE=f"http://127.0.0.1:{chat.port}", KEY=await key(chat), MARKS=str(chat.marks)
    )
    assert told["completion"]["choices"][0]["message"]["content"] == "system: \nnow: hello"
    assert told["completion"]["usage"]["total_tokens"] == 7
    streamed = told["streamed"]
    assert streamed["text"] == "".join(f"word{number} " for number in range(40))
    assert (streamed["ids"], streamed["usage"]["total_tokens"]) == (1, 0)
    assert told["helper"] == "echo: hello"
    assert {"echo", "recite", "shows"} <= set(told["models"])
    missing = {name: told["missing"][name] for name in ("is", "status", "code", "type", "param")}
    assert missing == {
        "is": "NotFoundError", "status": 404, "code": "model_not_found", "type": "invalid_request_error",
        "param": "model",
    }  # fmt: skip
    assert (told["wrong"]["is"], told["wrong"]["param"]) == ("BadRequestError", "messages")
    assert (told["failed"]["is"], told["failed"]["code"]) == ("InternalServerError", "turn_failed")
    assert "the agent failed" in told["broken"]["message"]
    assert (told["stranger"]["is"], told["stranger"]["code"]) == ("AuthenticationError", "invalid_api_key")
    assert (await chat.queues()).dead == 2, "it did not ask again"
    assert told["retried"]["is"] == "APIConnectionTimeoutError"
    async with calling(chat) as caller:
        _, thread = await caller.get("/api/v1/chat/threads/retried")
    said = [message["content"] for message in [*thread["messages"], *thread["waiting"]] if message["role"] == "user"]
    assert said == ["say 0 and 2"], "it asked three times, and said it once"


async def test_the_mcp_client_for_node_calls_our_tools(chat: System) -> None:
    told = await node.run("mcp.mjs", BASE=f"http://127.0.0.1:{chat.port}", KEY=await key(chat), MARKS=str(chat.marks))
    recited = "".join(f"word{number} " for number in range(30))
    assert told["server"] == "answerback"
    assert {"list_chat_threads", "create_chat_thread", "get_chat_thread", "send_chat_message"} <= set(told["tools"])
    assert (told["thread"]["title"], told["thread"]["metadata"]) == ("Hello", {"lead": 7})
    assert (told["answered"]["status"], told["answered"]["content"]) == ("completed", recited)
    assert told["progress"][0] == "[recite answers]"
    assert "".join(told["progress"][1:]) == recited
    assert told["refused"] == {"isError": True, "text": "there is no such thread"}
