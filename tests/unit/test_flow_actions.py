"""A flow's HTTP actions: what is sent, whatever the values are, and what becomes of the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import web

from answerback.agents import Agent
from answerback.agents.memory import MemoryThread
from answerback.errors import NoEffect, TurnFailed
from answerback.flows import load
from answerback.flows.actions import call_of, compose, perform
from answerback.flows.definition import Action, ToolDefinition
from answerback.flows.state import AuthorValue
from answerback.http.untrusted import UntrustedHttp

HOSTILE = '../admin?x=1#"@evil.example\\'


def _action(**more: Any) -> Action:
    return Action.model_validate({"id": "send", "method": "POST", "url": "https://api.example.com", **more})


def test_a_value_in_an_address_stays_a_part_of_it() -> None:
    scope = {"API": AuthorValue("https://api.example.com/v1"), "id": HOSTILE, "city": "New Delhi", "coded": "a%20b"}
    url = compose(
        _action(url="{{ API }}/users/{{ id }}?city={{ city }}&c={{ coded }}&d={{ city | urlencode }}"), scope
    ).url
    assert url == (
        "https://api.example.com/v1/users/..%2Fadmin%3Fx%3D1%23%22%40evil.example%5C"
        "?city=New%20Delhi&c=a%20b&d=New%20Delhi"
    )
    with pytest.raises(TurnFailed, match="not a web address"):
        compose(_action(url="{{ id }}"), {"id": "http://evil.example"})


def test_a_value_in_a_body_stays_a_value() -> None:
    scope = {"name": HOSTILE, "age": 42, "tags": ["a"], "missing": None}
    body = {
        "name": "{{ name }}",
        "hello": "Hi {{ name }}",
        "age": "{{ age }}",
        "text": "{{ age }}",
        "tags": "{{ tags }}",
    }
    sent = compose(
        _action(body={**body, "none": "{{ nothing }}", "deep": [{"n": "{{ age }}"}]}, string_fields=["text"]), scope
    )
    assert json.loads(sent.body) == {
        "name": HOSTILE,
        "hello": f"Hi {HOSTILE}",
        "age": 42,
        "text": "42",
        "tags": ["a"],
        "none": None,
        "deep": [{"n": 42}],
    }
    assert sent.headers["Content-Type"] == "application/json"
    raw = compose(_action(body='{"age": {{ age }}, "name": "{{ name }}", "tags": {{ tags | tojson }}}'), scope)
    assert json.loads(raw.body) == {"age": 42, "name": HOSTILE, "tags": ["a"]}
    assert compose(_action(body="name={{ name }}"), scope).body.decode() == f"name={HOSTILE}"


def test_a_header_stays_one_line() -> None:
    with pytest.raises(TurnFailed, match="a line break"):
        compose(_action(headers={"X-Name": "{{ name }}"}), {"name": "a\r\nHost: evil"})


def test_what_may_be_repeated_follows_from_the_method_unless_it_is_said() -> None:
    assert not compose(_action(), {}).repeatable
    assert compose(_action(method="get"), {}).repeatable
    assert compose(_action(idempotent=True), {}).repeatable


def test_a_tools_arguments_are_its_query_or_its_body() -> None:
    tool = {"id": "find", "type": "http", "url": "{{ API }}/find"}
    scope = {"API": AuthorValue("https://api.example.com")}
    got = call_of(ToolDefinition.model_validate({**tool, "method": "GET"}), scope, {"q": "a b", "n": 2})
    assert (got.url, got.body) == ("https://api.example.com/find?q=a+b&n=2", b"")
    sent = call_of(ToolDefinition.model_validate(tool), scope, {"q": "a b"})
    assert json.loads(sent.body) == {"q": "a b"}


class Api:
    """An API on loopback; `faults` says how often it hangs up first."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.faults = 0
        self.refusals: list[tuple[int, str]] = []
        """A status and a Retry-After each, before it answers."""
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path, request.headers.get("Idempotency-Key", "")))
        if self.faults and request.transport is not None:
            self.faults -= 1
            request.transport.abort()
            return web.Response()
        if self.refusals:
            status, seconds = self.refusals.pop(0)
            return web.Response(status=status, headers={"Retry-After": seconds} if seconds else {})
        if request.path == "/text":
            return web.Response(text="plain")
        if request.path == "/latin-1":
            return web.Response(body='{"name": "Zo\xeb"}'.encode("latin-1"), content_type="application/json")
        if request.path.startswith("/deep/"):
            depth = int(request.path[6:])
            return web.Response(body=b"[" * depth + b"]" * depth, content_type="application/json")
        return web.json_response({"token": "t0"}, status=404 if request.path == "/missing" else 200)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    found = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    yield found
    await runner.cleanup()


async def test_an_answer_of_any_kind_is_a_result(api: Api) -> None:
    outside = UntrustedHttp(private=True)
    ok = await perform(compose(_action(url=f"{api.url}/ok"), {}), outside, "key")
    assert ok == {"success": True, "status": 200, "data": {"token": "t0"}}
    assert api.seen[-1] == ("POST", "/ok", "key")
    missing = await perform(compose(_action(url=f"{api.url}/missing"), {}), outside, "key")
    assert (missing["success"], missing["status"]) == (False, 404)
    assert (await perform(compose(_action(url=f"{api.url}/text"), {}), outside, "key"))["data"] == "plain"
    latin = await perform(compose(_action(url=f"{api.url}/latin-1"), {}), outside, "key")
    assert latin["data"] == '{"name": "Zo\N{REPLACEMENT CHARACTER}"}'


@pytest.mark.parametrize("depth", [100, 101, 990, 5_000, 50_000])
async def test_an_answer_that_is_nested_too_deeply_is_a_text(api: Api, depth: int) -> None:
    result = await perform(compose(_action(url=f"{api.url}/deep/{depth}"), {}), UntrustedHttp(private=True), "key")
    assert result["data"] == ("[" * depth + "]" * depth if depth > 100 else json.loads("[" * depth + "]" * depth))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(result)) == result


async def test_a_lost_answer_is_asked_for_again_only_where_that_can_do_no_harm(api: Api) -> None:
    outside = UntrustedHttp(private=True)
    api.faults = 2
    assert (await perform(compose(_action(method="GET", url=api.url), {}), outside, "key"))["success"]
    assert len(api.seen) == 3
    api.faults = 1
    lost = await perform(compose(_action(url=api.url), {}), outside, "key")
    assert (lost["success"], lost["status"], lost["unknown"]) == (False, 0, True)
    assert len(api.seen) == 4


async def test_a_private_address_ends_the_turn_unless_it_is_allowed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = load(
        {
            "initial_node": "a",
            "nodes": [
                {
                    "id": "a",
                    "static_text": "{{ got.status }}",
                    "actions": [{"action_id": "send", "trigger": "on_enter"}],
                    "edges": [{"id": "end", "guard": "true", "target_node_id": "z"}],
                },
                {"id": "z", "static_text": "Bye", "is_final": True},
            ],
            "actions": [{"id": "send", "method": "POST", "url": f"{api.url}/x", "store_response_as": "got"}],
        }
    )
    with pytest.raises(TurnFailed, match=r'"send": 127\.0\.0\.1 was not called: its address is not public'):
        await MemoryThread(Agent("a", flow=flow)).say("hi")
    assert api.seen == []
    monkeypatch.setenv("ALLOW_PRIVATE_URLS", "true")
    thread = MemoryThread(Agent("a", flow=flow))
    assert await thread.say("hi") == "200"
    assert thread.steps == ("action send#1",)
    assert api.seen[0][2].endswith(":action send#1")


@pytest.mark.parametrize(
    ("method", "refusals", "requests", "status"),
    [
        ("POST", [(429, "0.2")], 2, 200),
        ("POST", [(429, "0.1"), (429, "0")], 3, 200),
        ("GET", [(503, "0.2")], 2, 200),
        ("POST", [(503, "0.2")], 1, 503),
        ("POST", [(429, "")], 1, 429),
        ("POST", [(429, "31")], 1, 429),
        ("POST", [(429, "0")] * 3, 3, 429),
    ],
    ids=[
        "refused for a moment", "refused twice", "away, and may be repeated", "away, and may not be repeated",
        "does not say when", "says later than anybody waits", "refuses for good",
    ],
)  # fmt: skip
async def test_whoever_says_when_to_come_back_is_asked_again_then(
    api: Api, method: str, refusals: list[tuple[int, str]], requests: int, status: int
) -> None:
    api.refusals = list(refusals)
    result = await perform(compose(_action(method=method, url=api.url), {}), UntrustedHttp(private=True), "key")
    assert (result["status"], len(api.seen)) == (status, requests)


async def test_an_address_that_is_not_allowed_has_no_effect(api: Api) -> None:
    with pytest.raises(NoEffect, match="its address is not public"):
        await perform(compose(_action(url=api.url), {}), UntrustedHttp(), "key")
    assert not api.seen
