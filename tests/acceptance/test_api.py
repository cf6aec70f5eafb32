"""The API as it runs: no route of it, now or later, answers one who may not ask."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys, Scope
from answerback.store.access.session_tokens import SessionTokens
from tests.acceptance.system import System, until

PAGE = "https://www.example.com"
PUBLIC = {"/api/v1/openapi.json": 200, "/api/v1/docs": 200, "/api/v1/admin/session": 401}
"""The description, and where the user of the dashboard shows a key, with what each says to a stranger."""
TOO_FEW: dict[str, list[Scope]] = {
    "chat:read": ["chat:write"],
    "chat:write": ["chat:read"],
    "agents:register": ["chat:read", "chat:write"],
    "admin": ["chat:read", "chat:write", "agents:register"],
}


class Operation:
    """An operation of the document, with something in the place of each name in its path."""

    def __init__(self, method: str, path: str, described: dict[str, Any]) -> None:
        self.method = method.upper()
        self.path = re.sub(r"\{\w+\}", "th_00000000000000000000", path)
        self.shown: dict[str, list[str]] = {
            name: scopes for each in described["security"] for name, scopes in each.items()
        }


async def _operations(system: System, session: aiohttp.ClientSession) -> list[Operation]:
    async with session.get(f"http://127.0.0.1:{system.port}/api/v1/openapi.json") as answer:
        document = await answer.json()
    assert document["openapi"].startswith("3.1")
    return [
        Operation(method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


async def _call(
    session: aiohttp.ClientSession, system: System, operation: Operation, key: object = "", **headers: str
) -> tuple[int, str]:
    given = ({"Authorization": f"Bearer {key}"} if key else {}) | headers
    url = f"http://127.0.0.1:{system.port}{operation.path}"
    body: dict[str, str] | None = None if operation.method == "GET" else {}
    async with session.request(operation.method, url, json=body, headers=given) as answer:
        return answer.status, answer.headers.get("WWW-Authenticate", "")


async def test_no_route_serves_one_who_may_not_ask(plain: System) -> None:
    process = await plain.ingress()
    keys = ApiKeys(plain.database)
    few = {scope: (await keys.create(scopes=fewer))[1] for scope, fewer in TOO_FEW.items()}
    made, publishable = await keys.create(origins=[PAGE])
    _, token = await SessionTokens(plain.database).grant("default", "th_1", made.id, seconds=600)
    revoked, gone = await keys.create(scopes=["admin"])
    await keys.revoke(revoked.id)
    async with aiohttp.ClientSession() as session:
        operations = await _operations(plain, session)
        guarded = [each for each in operations if each.shown]
        assert guarded
        for operation in operations:
            what = f"{operation.method} {operation.path}"
            if not operation.shown:
                assert operation.path in PUBLIC, f"{what} is public"
                assert (await _call(session, plain, operation))[0] == PUBLIC[operation.path]
                continue
            for key in ("", gone, "x"):
                status, challenge = await _call(session, plain, operation, key)
                assert (status, challenge[:6]) == (401, "Bearer"), what
            for scope in operation.shown["key"]:
                status, challenge = await _call(session, plain, operation, few[scope])
                assert (status, f'scope="{scope}"' in challenge) == (403, True), what
            if "publishable" not in operation.shown:
                assert (await _call(session, plain, operation, publishable, Origin=PAGE))[0] == 403, what
            # The token is for another thread than the one in the path.
            status, _ = await _call(session, plain, operation, token, Origin=PAGE)
            assert status == (404 if "session" in operation.shown else 403), what
    words = process.words()
    for shown in (*few.values(), publishable, token, gone):
        assert shown.secret not in words
    assert '"level": "error"' not in words


async def test_a_client_checks_its_key_and_a_revocation_reaches_every_process(plain: System) -> None:
    await plain.ingress()
    other = plain.port
    plain.port = await _another(plain)
    made, shown = await ApiKeys(plain.database).create("acme", scopes=["chat:read", "admin"])
    headers = {"Authorization": f"Bearer {shown}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def statuses() -> set[int]:
            found = set()
            for port in (plain.port, other):
                async with session.get(f"http://127.0.0.1:{port}/api/v1/me") as answer:
                    found.add(answer.status)
                    if answer.status == 200:
                        assert await answer.json() == {
                            "workspace": "acme",
                            "scopes": ["admin", "chat:read"],
                            "key": made.id,
                            "user_id": None,
                        }
            return found

        assert await statuses() == {200}
        await ApiKeys(plain.database).revoke(made.id)
        await until(statuses, lambda found: found == {401}, what="the revocation being noticed")


async def _another(system: System) -> int:
    from tests.acceptance.system import free_port

    port = free_port()
    await system.ingress(PORT=str(port))
    return port


async def test_the_page_describes_every_route_and_runs_nothing(plain: System) -> None:
    await plain.ingress()
    async with aiohttp.ClientSession() as session:
        operations = await _operations(plain, session)
        async with session.get(f"http://127.0.0.1:{plain.port}/api/v1/docs") as answer:
            page, rules = await answer.text(), answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in rules
    assert "unsafe" not in rules
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)
    assert page.count("<details id=") >= len(operations)
    for target in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{target}"' in page, target


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/me", "/api/v1/me/"])
async def test_what_is_not_there_is_a_problem(plain: System, path: str) -> None:
    await plain.ingress()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{plain.port}{path}") as answer,
    ):
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_without_redis_a_call_is_told_to_come_back(plain: System) -> None:
    await plain.ingress(ACCEPT_TIMEOUT="1")
    _, shown = await ApiKeys(plain.database).create(scopes=["admin"])
    plain.server.stop()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {shown}"}) as session,
        session.get(f"http://127.0.0.1:{plain.port}/api/v1/me") as answer,
    ):
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert "Retry-After" in answer.headers
