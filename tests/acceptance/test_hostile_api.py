"""The same for the API: whatever one sends who may ask, to whatever route."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.caller import Caller
from tests.acceptance.mounted import hosted
from tests.acceptance.raw import ask, request
from tests.acceptance.system import free_port
from tests.acceptance.target import Target, civil
from tests.fixtures.hostile import MALFORMED, RUBBISH

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_PATHS = [
    "th_00000000000000000000", "%00", "..", "%2e%2e%2f", "%ff%fe", "%ed%a0%80", "a" * 5_000, "%0d%0aX:%20y", "a%2Fb",
    "*", "github:1:1", "%7B7*7%7D", "-1", "9" * 400, "%F0%9F%98%80", "ab:%7B0%7D:threads", "'%22%3B",
]  # fmt: skip
QUERIES = [
    "limit=" + "9" * 400, "limit=-1", "limit=NaN", "limit=%00", "cursor=%00%ff", "cursor=" + "A" * 400, "after=-",
    "after=99999999999999999999-0", "after=%ff", "x=1&x=2", "limit=1&limit=2", "=", "&&&", "%",
    "user_id=" + "a" * 7_000, "cursor=eyJhIjoxfQ==", "archived=%F0%9F%98%80", "a[b]=c",
]  # fmt: skip
BODIES = [
    *MALFORMED, *RUBBISH, b"{}", b'{"message":null}', b'{"message":""}', b'{"message":"\\u0000"}', b'{"message":[]}',
    b'{"content":"x","stream":"maybe"}', b'{"title":7}', b'{"metadata":' + b'{"a":' * 500 + b"1" + b"}" * 501,
    b'{"messages":[{"role":"user","content":{}}]}', b'{"system":"' + b"x" * 200_000 + b'"}',
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Target, str, dict[str, Any]]]:
    """A process, a key that opens all of it, and what it says of its routes."""
    folder = tmp_path_factory.mktemp("api")
    rates = {"API_RATE": "100000", "API_BURST": "100000"}
    async with Target.open(folder, **rates) as opened:
        _, key = await ApiKeys(opened.system.database).create(scopes=["chat:read", "chat:write", "admin"])
        [answer] = await ask(opened.port, request("GET /api/v1/openapi.json"))
        yield opened, str(key), json.loads(answer.body)["paths"]


@pytest_asyncio.fixture(loop_scope="module")
async def target(running: tuple[Target, str, dict[str, Any]]) -> AsyncIterator[Target]:
    """Looked at after each test."""
    yield running[0]
    await running[0].well()


def _operations(paths: dict[str, Any], *methods: str) -> list[tuple[str, str]]:
    return [(method, path) for path, offered in paths.items() for method in offered if method in methods]


def _filled(path: str, name: str = "th_00000000000000000000") -> str:
    return re.sub(r"\{\w+\}", lambda _: name, path)


async def _send(running: tuple[Target, str, dict[str, Any]], method: str, path: str, body: bytes | None = None) -> None:
    opened, key, _ = running
    headers = [f"Authorization: Bearer {key}", "Accept: application/json"]
    if body is not None:
        headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    # Some answer with a stream that goes on until somebody leaves.
    found = await ask(opened.port, request(f"{method.upper()} {path}", *headers, body=body or b""), head=True)
    assert len(found) == 1, (method, path, body)
    civil(found)


async def test_any_name_in_any_path(running: tuple[Target, str, dict[str, Any]], target: Target) -> None:
    for method, path in _operations(running[2], "get", "post", "delete", "patch", "put"):
        if "{" in path:
            for name in IN_PATHS:
                await _send(running, method, _filled(path, name), b"{}")


async def test_any_query(running: tuple[Target, str, dict[str, Any]], target: Target) -> None:
    for method, path in _operations(running[2], "get"):
        if path.endswith("/overview/stream"):
            continue  # it takes no query, and does not end
        for query in QUERIES:
            await _send(running, method, f"{_filled(path)}?{query}")


async def test_any_body(running: tuple[Target, str, dict[str, Any]], target: Target) -> None:
    for method, path in _operations(running[2], "post", "patch", "put"):
        for body in BODIES:
            await _send(running, method, _filled(path), body)


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer ab_live_", "Bearer ab_live_" + "0" * 16 + "_" + "x" * 40,
     "Bearer ab_live_\udcff_x", "Bearer " + "a" * 8_000, "Bearer ab_ses_\x7f", "bearer\tab_pub_x",
     "Bearer ab_live_*_*"],
)  # fmt: skip
async def test_any_credential(running: tuple[Target, str, dict[str, Any]], target: Target, shown: str) -> None:
    for method, path in _operations(running[2], "get", "post"):
        found = await ask(target.port, request(f"{method.upper()} {_filled(path)}", f"Authorization: {shown}"))
        civil(found)
        assert all(answer.status in (200, 400, 401) for answer in found)


async def test_a_mount_in_another_application_is_as_civil(
    running: tuple[Target, str, dict[str, Any]], target: Target
) -> None:
    """It has the same routes: of all that is sent to ingress, some is enough for the way there."""
    _, key, paths = running
    headers = [f"Authorization: Bearer {key}", "Accept: application/json"]
    sent = [
        (method, _filled(path, name), b"{}")
        for method, path in _operations(paths, "get", "post", "delete", "patch", "put") for name in IN_PATHS
    ]  # fmt: skip
    sent += [("get", f"{_filled(path)}?{query}", b"") for _, path in _operations(paths, "get") for query in QUERIES]
    # Whether a client reads why its body is too large, before it has sent all of it, is up to the server.
    small = [body for body in BODIES if len(body) < 100_000]
    sent += [(method, _filled(path), body) for method, path in _operations(paths, "post", "patch") for body in small]
    port = free_port()
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, f"http://127.0.0.1:{port}", key)
        async with hosted(target.system, caller, port=port, forked=True) as host:
            await _attack(port, sent[::23], headers)
            assert await caller.get("/own") == (200, {"own": "route"})
        assert "Traceback" not in host.words(), host.words()


async def _attack(port: int, sent: list[tuple[str, str, bytes]], headers: list[str]) -> None:
    for method, path, body in sent:
        if "/overview/stream" in path:
            continue  # it does not end
        said = ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        line = f"{method.upper()} /help/desk{path}"
        found = await ask(port, request(line, *headers, *said, body=body))
        assert len(found) == 1, (method, path, body)
        # uvicorn refuses what is no HTTP, and FastAPI a path in which it finds no route, such as one with a line break.
        length = found[0].headers.get("content-length")
        if (found[0].status, length) not in ((400, None), (400, "30"), (404, "22")):
            civil(found)
