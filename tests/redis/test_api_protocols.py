"""What clients meet before any agent is asked: paths, methods, headers, origins, and what cannot be met."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from tests.redis.api import ingress
from tests.redis.given import THREAD, accept, claim

pytestmark = pytest.mark.one_server

FIXTURES = Path(__file__).parents[1] / "fixtures/api"
PAGE = "https://allowed.example"


class Face:
    """An ingress without workers, and a caller with a key."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self.session = session
        self.url = url
        self.key = key

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> aiohttp.ClientResponse:
        """One request; names of headers with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {self.key}", **named}
        answer = await self.session.request(
            method, self.url + path, json=body, headers=given, skip_auto_headers=["Accept"]
        )
        await answer.read()
        return answer

    async def fixture(self, name: str, **more: Any) -> aiohttp.ClientResponse:
        """A request that was seen."""
        seen = json.loads((FIXTURES / f"{name}.json").read_text()) | more
        headers = {each.replace("-", "_"): value for each, value in seen.get("headers", {}).items()}
        return await self.ask(seen["method"], seen["path"], seen.get("body"), **headers)


@pytest.fixture
async def face(database: Database) -> AsyncIterator[Face]:
    """One, as it listens."""
    _, key = await ApiKeys(database).create(scopes=["admin"])
    await ApiKeys(database).create(origins=[PAGE])
    async with ingress(database) as url, aiohttp.ClientSession() as session:
        yield Face(session, url, str(key))


async def test_head_is_get_without_a_body(face: Face) -> None:
    answer = await face.fixture("head-of-a-get")
    assert (answer.status, answer.content_type, await answer.read()) == (200, "application/json", b"")
    for path in ("/api/v1/me", "/api/v1/openapi.json", "/health/live", "/api/v1/agents", "/v1/models"):
        get, head = [await face.ask(method, path) for method in ("GET", "HEAD")]
        assert (head.status, head.content_type) == (get.status, get.content_type) == (200, head.content_type)
    assert (await face.ask("HEAD", "/api/v1/chat/threads/none")).status == 404
    assert (await face.ask("HEAD", "/api/v1/me", Authorization="Bearer nonsense")).status == 401
    assert (await face.ask("HEAD", "/api/v1/chat/threads/none/stream")).status == 404
    thread = (await (await face.ask("POST", "/api/v1/chat/threads", {})).json())["id"]
    for path in (f"/api/v1/chat/threads/{thread}/stream", "/api/v1/admin/overview/stream"):
        stream = await face.ask("HEAD", path)
        assert (stream.status, stream.content_type) == (200, "text/event-stream")


async def test_a_thread_is_found_by_its_id_as_it_is_copied_from_elsewhere(face: Face) -> None:
    thread = (await (await face.ask("POST", "/api/v1/chat/threads", {"title": "Lead"})).json())["id"]

    async def found(q: str, **more: str) -> list[str]:
        answer = await face.session.get(
            f"{face.url}/api/v1/admin/threads", params={"q": q, **more}, headers={"Authorization": f"Bearer {face.key}"}
        )
        return [row["id"] for row in (await answer.json())["threads"]]

    for q in (thread, f" {thread}\n", thread.upper(), f"chat:default:{thread}", f"chat:default:{thread}"[:-2], "LEAD "):
        assert await found(q) == [thread], q
    assert await found(thread, state="running") == []
    assert await found(f"chat:acme:{thread}") == []


async def test_a_page_that_may_call_may_send_what_headers_it_likes(face: Face) -> None:
    answer = await face.fixture("preflight-of-openais-client")
    allowed = [name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")]
    assert {"authorization", "content-type", "x-stainless-os", "idempotency-key"} <= set(allowed)
    assert len(set(allowed)) == len(allowed)
    asked = {"Origin": PAGE, "Access_Control_Request_Method": "POST"}
    odd = await face.ask("OPTIONS", "/v1/models", **asked, Access_Control_Request_Headers="x-a, , b c, x-é, x-b")
    assert odd.headers["Access-Control-Allow-Headers"].endswith("Last-Event-ID, x-a, x-b")
    other = await face.ask("OPTIONS", "/v1/models", **asked | {"Origin": "https://evil.example"})
    assert (other.status, "Access-Control-Allow-Headers" in other.headers) == (403, False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/responses", 404),
        ("POST", "/api/v1/responses", 404),
        ("POST", "/v1/embeddings", 404),
        ("POST", "/v1/v1/chat/completions", 404),
        ("POST", "/chat/completions", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/api/v1/models/echo", 405),
    ],
)
async def test_what_openais_clients_ask_for_in_vain_is_refused_in_words_that_they_show(
    face: Face, method: str, path: str, status: int
) -> None:
    answer = await face.ask(method, path)
    assert answer.status == status
    error = (await answer.json())["error"]
    assert "/v1/chat/completions" in error["message"]
    assert error["type"] == "invalid_request_error"
    assert ("Allow" in answer.headers) == (status == 405)


async def test_a_path_that_clients_try_is_refused_with_the_one_to_use(face: Face) -> None:
    answer = await face.fixture("unknown-openai-path")
    assert (answer.status, "/chat/completions" in (await answer.json())["error"]["message"]) == (404, True)


async def test_openais_client_shows_why_there_are_no_responses(face: Face) -> None:
    import openai  # here, so that a process that only collects tests does not import it

    async with openai.AsyncOpenAI(base_url=f"{face.url}/v1", api_key=face.key) as api:
        with pytest.raises(openai.NotFoundError, match="use POST /v1/chat/completions") as refused:
            await api.responses.create(model="echo", input="hi")
    assert str(refused.value.request_id).startswith("req_")


@pytest.mark.parametrize("path", ["/api/v1/chat/nothing", "/v1/agents/a/b/c", "/nothing"])
async def test_any_other_path_that_there_is_not_is_a_problem(face: Face, path: str) -> None:
    answer = await face.ask("GET", path)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_each_request_has_an_id_in_its_answer_and_in_its_problem(face: Face) -> None:
    found = [await face.ask("GET", path) for path in ("/api/v1/me", "/api/v1/me", "/health/live", "/nothing")]
    ids = [answer.headers["X-Request-Id"] for answer in found]
    assert len(set(ids)) == 4
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    kinds = ("application/json", "text/event-stream")
    found += [await face.ask("POST", "/mcp", asked, Accept=accept) for accept in kinds]
    assert all(answer.headers["X-Request-Id"].startswith("req_") for answer in found)
    for refused in (found[3], await face.ask("GET", "/api/v1/me", Authorization="Bearer nonsense")):
        assert (await refused.json(content_type=None))["request_id"] == refused.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}),
        ("tool_choice", {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}),
        ("function_call", {"name": "f"}),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {}}}),
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("stop", ["\n"]),
        ("web_search_options", {}),
    ],
)
async def test_what_cannot_be_met_is_refused_by_its_name(face: Face, field: str, value: Any) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "hi"}], field: value}
    answer = await face.ask("POST", "/v1/chat/completions", body)
    assert (answer.status, (await answer.json())["error"]["param"]) == (400, field)


async def test_what_was_seen_to_be_ignored_is_refused(face: Face) -> None:
    answer = await face.fixture("tool-choice-required")
    assert (answer.status, (await answer.json())["error"]["param"]) == (400, "tool_choice")


async def test_what_only_guides_a_model_is_let_by(face: Face) -> None:
    body = {
        "model": "echo", "messages": [{"role": "user", "content": "hi"}], "n": 1, "temperature": 0.2, "top_p": 1,
        "max_tokens": 5, "seed": 7, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto",
        "parallel_tool_calls": False, "response_format": {"type": "text"}, "modalities": ["text"], "logprobs": False,
        "top_logprobs": 0, "stop": None, "functions": [], "function_call": "none", "reasoning_effort": "low",
        "logit_bias": {}, "service_tier": "auto", "prediction": None, "unheard_of": 1,
    }  # fmt: skip
    answer = await face.ask("POST", "/v1/chat/completions", body)
    assert (answer.status, (await answer.json())["error"]["code"]) == (404, "model_not_found"), await answer.text()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("application/json", "application/json"),
        ("Application/*;q=0.5", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("application/json;q=0, text/event-stream", "text/event-stream"),
        ("*/*", "text/event-stream"),
        ("APPLICATION/JSON, TEXT/EVENT-STREAM", "text/event-stream"),
        ("text/html", ""),
        ("application/json;q=0", ""),
    ],
)
async def test_mcp_answers_what_a_client_accepts(face: Face, accept: str | None, kind: str) -> None:
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    answer = await face.ask("POST", "/mcp", asked, **({"Accept": accept} if accept else {}))
    assert (answer.status, answer.content_type) == (200, kind) if kind else (406, "application/json")
    assert ("send_chat_message" in await answer.text()) == bool(kind)
    if kind == "text/event-stream":
        assert answer.headers["Cache-Control"] == "no-cache, no-transform"


async def test_mcp_reads_media_types_in_any_letter_case(face: Face) -> None:
    assert (await face.fixture("mcp-accept-in-capitals")).status == 200


async def test_mcp_is_for_the_pages_that_its_own_ingress_serves(face: Face) -> None:
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    for origin, status in (
        (face.url, 200),
        (face.url.replace("http:", "https:"), 200),
        (PAGE, 200),
        ("https://evil.example", 403),
        ("null", 403),
    ):
        assert (await face.ask("POST", "/mcp", asked, Origin=origin)).status == status, origin


async def test_a_wrong_part_of_a_message_is_named_by_its_place_in_the_body(face: Face) -> None:
    for content, place in (([{"text": "x"}], "content[0].type"), (5, "content"), (["x"], "content[0]")):
        body = {"model": "any", "messages": [{"role": "user", "content": content}]}
        error = (await (await face.ask("POST", "/v1/chat/completions", body)).json())["error"]
        assert error["param"] == "messages[0].content", "a text would be right, too"
        assert f"messages[0].{place}: " in error["message"]
        assert "list[Part]" not in error["message"]


async def test_an_operator_mutes_a_thread_of_a_platform_and_no_chat(face: Face, database: Database) -> None:
    threads, thread = Threads(database), THREAD
    await accept(threads, 1)
    _, server = await ApiKeys(database).create(scopes=["chat:read", "chat:write"])
    chat = (await (await face.ask("POST", "/api/v1/chat/threads", {"title": "Lunch"})).json())["id"]

    async def change(id: str, body: object, key: object = face.key) -> tuple[int, Any]:
        answer = await face.ask("PATCH", f"/api/v1/chat/threads/{id}", body, Authorization=f"Bearer {key}")
        return answer.status, await answer.json()

    status, changed = await change(thread, {"attention": "muted"})
    assert (status, changed["attention"], changed["platform"]) == (200, "muted", "github")
    whole = await (await face.ask("GET", f"/api/v1/admin/threads/{thread}")).json()
    assert whole["thread"]["attention"] == (await claim(threads)).attention == "muted"

    for id, body, key, refused in (
        (thread, {"attention": "muted", "title": "x"}, face.key, (409, "read-only")),
        (thread, {"title": "x"}, face.key, (409, "read-only")),
        (thread, {"attention": "asleep"}, face.key, (422, "invalid")),
        (thread, {"attention": "default"}, server, (404, "")),
        (chat, {"attention": "muted", "title": "x"}, server, (409, "no-attention")),
        ("th_none", {"attention": "muted"}, face.key, (404, "")),
    ):
        status, problem = await change(id, body, key)
        assert (status, problem["type"].partition("#")[2]) == refused, problem
    kept = await (await face.ask("GET", f"/api/v1/chat/threads/{chat}")).json()
    assert (kept["title"], kept["attention"]) == ("Lunch", "default")
