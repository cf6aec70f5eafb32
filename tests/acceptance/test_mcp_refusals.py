"""What MCP refuses, and in what words: over HTTP, as the protocol has it, and to the model."""

from __future__ import annotations

import aiohttp
import pytest

from answerback.events import Event
from answerback.messages import Author
from answerback.store.access.user_tokens import UserTokens
from tests.acceptance.model_host import call, client, key, refused
from tests.acceptance.system import System


async def test_what_http_refuses_is_an_error_of_the_protocol_with_words(plain: System) -> None:
    await plain.ingress(API_RATE="0.01", API_BURST="8")
    shown = {"Authorization": f"Bearer {await key(plain)}"}
    asked = '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    refusals: list[tuple[str, dict[str, str], int, str]] = [
        (asked, {}, 401, "ab_live_"),
        (asked, {"Authorization": "Bearer nonsense"}, 401, "malformed API key"),
        (asked, shown | {"Origin": "https://elsewhere.example"}, 403, "web page"),
        (asked, shown | {"Accept": "text/html"}, 406, "text/event-stream"),
        (asked, shown | {"Content-Type": "text/plain"}, 415, "application/json"),
        ("{", shown, 400, "JSON"),
        ('{"id": NaN}', shown, 400, "NaN"),
        (" " * 7_000_000, shown, 413, "bytes"),
        (asked, shown, 200, ""),
        (asked, shown, 200, ""),
        (asked, shown, 429, "at once"),
    ]
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{plain.port}/mcp"
    async with aiohttp.ClientSession() as session:
        for body, more, status, said in refusals:
            async with session.post(url, data=body, headers=headers | more) as answer:
                assert answer.status == status, await answer.text()
                assert answer.headers.get("WWW-Authenticate", "").startswith("Bearer" if status == 401 else "")
                if status >= 400:
                    assert said in (await answer.json())["error"]["message"]
        async with session.get(url, headers=shown) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS,POST")


async def test_a_client_without_a_good_key_is_told_so(plain: System) -> None:
    from mcp import MCPError  # here, so that a process that only collects tests does not import it

    await plain.ingress()
    for wrong in ("", f"ab_live_{'0' * 16}_{'x' * 40}"):
        with pytest.raises((MCPError, BaseExceptionGroup)) as caught:
            async with client(plain, wrong):
                pass
        assert " key" in told(caught.value)


def told(error: BaseException) -> str:
    """The words of an error, wherever a task group has put it."""
    if isinstance(error, BaseExceptionGroup):
        return " ".join(told(each) for each in error.exceptions)
    return str(error)


async def test_another_workspaces_thread_is_no_thread(plain: System) -> None:
    await plain.ingress()
    async with client(plain, await key(plain, "acme")) as acme, client(plain, await key(plain, "other")) as other:
        thread = await call(acme, "create_chat_thread", title="secret", idempotency_key="first")
        for tool, more in (
            ("get_chat_thread", {}),
            ("send_chat_message", {"content": "hi"}),
            ("rename_chat_thread", {"title": "mine"}),
            ("pin_chat_thread", {}),
            ("archive_chat_thread", {}),
            ("delete_chat_thread", {}),
        ):
            for id in (thread["id"], f"chat:acme:{thread['id']}", "th_none", "../x"):
                assert await refused(other, tool, thread_id=id, **more) == "there is no such thread"
        assert (await call(other, "list_chat_threads"))["threads"] == []
        assert (await call(other, "create_chat_thread", idempotency_key="first"))["id"] != thread["id"]


async def test_a_key_does_what_its_scopes_say(plain: System) -> None:
    await plain.ingress()
    async with client(plain, await key(plain, "acme", "chat:read")) as reader:
        assert [tool.name for tool in (await reader.list_tools()).tools] == ["list_chat_threads", "get_chat_thread"]
        assert "chat:write" in await refused(reader, "create_chat_thread")


async def test_a_user_token_reaches_the_threads_of_its_user(plain: System) -> None:
    await plain.ingress()
    _, token = await UserTokens(plain.database).grant("acme", "ada", seconds=60)
    async with client(plain, await key(plain)) as server, client(plain, str(token)) as ada:
        others = [await call(server, "create_chat_thread", user_id=user) for user in ("bob", None)]
        mine = await call(ada, "create_chat_thread", title="Mine")
        assert (mine["user_id"], mine["title"]) == ("ada", "Mine")
        assert [thread["id"] for thread in (await call(ada, "list_chat_threads"))["threads"]] == [mine["id"]]
        assert (await call(ada, "rename_chat_thread", thread_id=mine["id"], title="Ours"))["title"] == "Ours"
        more = {"rename_chat_thread": {"title": "x"}}
        for tool in ("get", "rename", "pin", "archive", "delete"):
            for thread in others:
                name = f"{tool}_chat_thread"
                refusal = await refused(ada, name, thread_id=thread["id"], **more.get(name, {}))
                assert refusal == "there is no such thread"
        sending = {"thread_id": others[0]["id"], "content": "hi"}
        assert await refused(ada, "send_chat_message", **sending) == "there is no such thread"
        assert "own user" in await refused(ada, "list_chat_threads", user_id="bob")
        assert "system_prompt" in await refused(ada, "create_chat_thread", system_prompt="x")


async def test_a_platforms_thread_is_read_by_those_who_may_and_no_more(plain: System) -> None:
    await plain.ingress()
    said = Event(delivery="standard:1", thread="standard:t1", kind="message", text="hello", author=Author("u"))
    await plain.threads.accept(said)
    async with client(plain, await key(plain, "default", "admin")) as admin, client(plain, await key(plain)) as other:
        assert [each["id"] for each in (await call(admin, "list_chat_threads"))["threads"]] == ["standard:t1"]
        read = await call(admin, "get_chat_thread", thread_id="standard:t1")
        assert [message["content"] for message in read["waiting"]] == ["hello"]
        assert "platform" in await refused(admin, "send_chat_message", thread_id="standard:t1", content="hi")
        for tool, more in (("archive", {}), ("rename", {"title": "x"}), ("pin", {}), ("delete", {})):
            assert "platform" in await refused(admin, f"{tool}_chat_thread", thread_id="standard:t1", **more)
        assert await refused(other, "get_chat_thread", thread_id="standard:t1") == "there is no such thread"


async def test_what_is_wrong_is_said_in_words(plain: System) -> None:
    from mcp import MCPError

    await plain.ingress()
    await plain.worker("tests.acceptance.agents:failing", TURN_MAX_ATTEMPTS="1")
    async with client(plain, await key(plain)) as connected:
        assert "thread_id" in await refused(connected, "get_chat_thread")
        assert "limit" in await refused(connected, "list_chat_threads", limit=1000)
        assert "colour" in await refused(connected, "create_chat_thread", colour="red")
        assert "cursor" in await refused(connected, "list_chat_threads", cursor="nonsense")
        assert '"nobody"' in await refused(connected, "create_chat_thread", agent="nobody")
        thread = await call(connected, "create_chat_thread")
        assert "content" in await refused(connected, "send_chat_message", thread_id=thread["id"], content="  ")
        assert "the agent failed" in await refused(
            connected, "send_chat_message", thread_id=thread["id"], content="fail always"
        )
        with pytest.raises(MCPError, match="there is no tool"):
            await connected.call_tool("delete_everything", {})
