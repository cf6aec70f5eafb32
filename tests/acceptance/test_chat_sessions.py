"""Sessions through the API: opened with a key or from a web page, had, and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.chatting import Client, client
from tests.acceptance.system import System

SESSIONS = "/sessions"
PAGE = "https://www.example.com"


@pytest.fixture
async def ada(plain: System) -> AsyncIterator[Client]:
    """One with a key, where everything runs."""
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:addressed")
    async with client(plain) as found:
        yield found


async def test_a_session_is_opened_had_and_ended(ada: Client) -> None:
    made = await ada.post(SESSIONS, {"agentId": "echo"}, 201)
    assert (made["agentId"], made["status"], made["token"]) == ("echo", "open", None)
    path = f"{SESSIONS}/{made['id']}"
    sent = [each async for each in ada.stream("POST", f"{path}/messages", {"content": "hello", "stream": True})]
    assert [each.kind for each in sent] == ["accepted", "turn", "text", "done"]
    assert (await ada.post(f"{path}/messages", {"content": "again"}))["message"]["content"] == "echo: again"
    said = (await ada.get(f"{path}/messages"))["messages"]
    assert [m["content"] for m in said] == ["hello", "echo: hello", "again", "echo: again"]
    assert (await ada.post(f"{path}/end"))["status"] == "ended"
    assert (await ada.post(f"{path}/end"))["status"] == "ended"
    refused = await ada.post(f"{path}/messages", {"content": "more"}, 409)
    assert refused["type"].endswith("#thread-ended")
    assert (await ada.get(path))["status"] == "ended"
    assert len((await ada.get(f"{path}/messages"))["messages"]) == 4
    await ada.post(SESSIONS, {"agentId": "nobody"}, 404)


async def test_a_page_opens_a_session_and_talks_in_it_with_the_sessions_own_token(plain: System, ada: Client) -> None:
    _, shown = await ApiKeys(plain.database).create("acme", origins=[PAGE])
    page = Client(ada.session, ada.port, str(shown))
    other = (await ada.post(SESSIONS, status=201))["id"]
    made = await page.post(SESSIONS, {"agentId": "echo"}, 201, Origin=PAGE)
    visitor = Client(ada.session, ada.port, made["token"])
    path = f"{SESSIONS}/{made['id']}"
    said = await visitor.post(f"{path}/messages", {"content": "hello"}, Origin=PAGE)
    assert said["message"]["content"] == "echo: hello"
    assert len((await visitor.get(f"{path}/messages"))["messages"]) == 2
    for method, where in (("GET", f"{SESSIONS}/{other}"), ("POST", f"{SESSIONS}/{other}/end")):
        assert (await visitor.call(method, where, {}, Origin=PAGE)).status == 404
    assert (await visitor.call("GET", "/threads", Origin=PAGE)).status == 403
    assert (await page.call("GET", path, Origin=PAGE)).status == 403
    assert (await page.call("POST", SESSIONS, {"user_id": "someone"}, Origin=PAGE)).status == 403
    await visitor.post(f"{path}/end", Origin=PAGE)
    await visitor.post(f"{path}/messages", {"content": "more"}, 409, Origin=PAGE)
    assert (await ada.call("DELETE", f"/threads/{made['id']}")).status == 204
    assert (await visitor.call("GET", path, Origin=PAGE)).status in (401, 404)
