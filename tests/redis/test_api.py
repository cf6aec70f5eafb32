"""Access to the API: who may call what, and how often."""

from __future__ import annotations

import json
import time

import jwt
import pytest

from answerback.store.access.credential import Credential
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.user_tokens import UserTokens
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from ingress.api.route import BASE
from tests.redis.api import Client, problem, served
from tests.redis.given import until

pytestmark = pytest.mark.one_server

THINGS = f"{BASE}/things"
PAGE = "https://www.example.com"


async def test_no_request_without_a_key_is_served(client: Client) -> None:
    for method, path in (("GET", THINGS), ("POST", THINGS), ("POST", "/things"), ("GET", f"{THINGS}/x")):
        answer = await client.ask(method, path, key="")
        assert problem(answer)["type"] == "/api/v1/docs#no-credential"
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="answerback"')
    for shown in (Credential.new("live"), Credential.new("ses"), "x", "\u00e9"):
        answer = await client.ask("GET", THINGS, key=shown)
        assert (answer.status, 'error="invalid_token"' in answer.headers["WWW-Authenticate"]) == (401, True)
    assert (await client.ask("GET", THINGS, key="", headers={"Authorization": "Basic eDp5"})).status == 401
    assert client.things.made == []


async def test_a_missing_scope_is_named(client: Client) -> None:
    _, reader = await client.keys.create(scopes=["chat:read"])
    _, writer = await client.keys.create(scopes=["chat:write"])
    assert (await client.ask("GET", THINGS, key=reader)).status == 200
    answer = await client.ask("POST", THINGS, key=reader, json={"name": "x"})
    assert (answer.status, 'scope="chat:write"' in answer.headers["WWW-Authenticate"]) == (403, True)
    assert "chat:write" in str(problem(answer)["detail"])
    assert (await client.ask("GET", THINGS, key=writer)).status == 403
    assert (await client.ask("POST", THINGS, key=writer, json={"name": "x"})).status == 201


async def test_a_revoked_key_is_noticed_soon_and_a_used_one_is_noted(client: Client) -> None:
    made, shown = await client.keys.create(scopes=["chat:read"])
    assert (await client.ask("GET", THINGS, key=shown)).status == 200
    used = await client.keys.get(made.id)
    assert used is not None
    assert used.last_used > 0
    await client.keys.revoke(made.id)

    async def refused() -> bool:
        return (await client.ask("GET", THINGS, key=shown)).status == 401

    await until(refused)


async def test_a_token_opens_its_session_and_nothing_else(client: Client, database: Database) -> None:
    key, _ = await client.keys.create("acme", scopes=["chat:write"])
    token, shown = await SessionTokens(database).grant("acme", "th_1", key.id, seconds=60)
    answer = await client.ask("GET", f"{THINGS}/th_1", key=shown)
    assert (answer.status, json.loads(answer.body)) == (200, {"id": "th_1", "name": "ses"})
    assert (await client.ask("GET", f"{THINGS}/th_2", key=shown)).status == 404
    for method, path in (("GET", THINGS), ("POST", THINGS), ("POST", f"{THINGS}/open"), ("DELETE", f"{THINGS}/th_1")):
        assert (await client.ask(method, path, key=shown)).status == 403
    wrong = Credential("ses", token.id, Credential.new("ses").secret)
    assert (await client.ask("GET", f"{THINGS}/th_1", key=wrong)).status == 401
    await client.keys.revoke(key.id)

    async def refused() -> bool:
        return (await client.ask("GET", f"{THINGS}/th_1", key=shown)).status == 401

    await until(refused)


async def test_a_user_token_opens_the_threads_of_its_user_and_nothing_else(client: Client, database: Database) -> None:
    chats, tokens = Chats(Threads(database)), UserTokens(database)
    for workspace, id, user in (
        ("acme", "th_1", "ada"),
        ("acme", "th_2", "bob"),
        ("acme", "th_3", ""),
        ("x", "th_4", "ada"),
    ):
        await chats.open(workspace, id, NewChat(user=user))
    key, _ = await client.keys.create("acme", scopes=["chat:write"])
    token, shown = await tokens.grant("acme", "ada", key.id, seconds=60)
    mine = f"{BASE}/mine"
    answer = await client.ask("GET", mine, key=shown)
    assert json.loads(answer.body)["name"] == "acme/ada"
    statuses = [
        (await client.ask("GET", f"{mine}/{id}", key=shown)).status for id in ("th_1", "th_2", "th_3", "th_4", "x")
    ]
    assert statuses == [200, 404, 404, 404, 404]
    assert (await client.ask("GET", f"{mine}/th_2", key=client.key)).status == 200, "a key needs no user"
    for method, path in (("GET", THINGS), ("POST", THINGS), ("GET", f"{THINGS}/th_1"), ("DELETE", f"{THINGS}/th_1")):
        refused = await client.ask(method, path, key=shown)
        assert (refused.status, b"a user token is valid for" in refused.body) == (403, True)
    wrong = Credential("user", token.id, Credential.new("user").secret)
    assert (await client.ask("GET", mine, key=wrong)).status == 401
    _, second = await tokens.grant("acme", "ada", seconds=60)
    assert (await client.ask("GET", mine, key=second)).body == answer.body, "all tokens of a user are one caller"
    await client.keys.revoke(key.id)

    async def refused_with(token: Credential) -> bool:
        return (await client.ask("GET", mine, key=token)).status == 401

    await until(lambda: refused_with(shown))
    assert (await client.ask("GET", mine, key=second)).status == 200, "it was issued by no key"
    assert await tokens.revoke_all("acme", "ada") == 2
    await until(lambda: refused_with(second))


async def test_a_jwt_of_the_products_issuer_opens_the_threads_of_its_user(database: Database) -> None:
    secret = "a shared secret of thirty-two bytes or more"
    settings = {"USER_JWT_KEY": secret, "USER_JWT_ISSUER": "shop", "USER_JWT_AUDIENCE": "chat"}
    claims = {"sub": "ada", "iss": "shop", "aud": "chat", "exp": time.time() + 60}
    await Chats(Threads(database)).open("acme", "th_1", NewChat(user="ada"))
    async with served(database, **settings, USER_JWT_WORKSPACE="acme") as client:
        token = jwt.encode(claims, secret, "HS256")
        assert (await client.ask("GET", f"{BASE}/mine/th_1", key=token)).status == 200
        assert (
            await client.ask("GET", f"{BASE}/mine/th_1", key=jwt.encode(claims | {"sub": "bob"}, secret))
        ).status == 404
        assert (await client.ask("GET", THINGS, key=token)).status == 403
        for wrong in (claims | {"exp": 1}, claims | {"aud": "other"}):
            answer = await client.ask("GET", f"{BASE}/mine", key=jwt.encode(wrong, secret, "HS256"))
            assert (answer.status, "JWT" in str(problem(answer)["detail"])) == (401, True)


async def test_a_publishable_key_opens_sessions_from_its_origins(client: Client, database: Database) -> None:
    key, shown = await client.keys.create(origins=[PAGE])
    here, elsewhere = {"Origin": PAGE}, {"Origin": "https://evil.example"}
    opened = await client.ask("POST", f"{THINGS}/open", key=shown, headers=here, json={"name": "x"})
    assert (opened.status, opened.headers["Access-Control-Allow-Origin"], opened.headers["Vary"]) == (
        201,
        PAGE,
        "Origin",
    )
    for headers in (elsewhere, {}, {"Origin": "null"}, {"Origin": PAGE + ".evil.example"}):
        answer = await client.ask("POST", f"{THINGS}/open", key=shown, headers=headers, json={"name": "x"})
        assert problem(answer)["type"] == "/api/v1/docs#wrong-origin"
        assert (answer.status, "Access-Control-Allow-Origin" in answer.headers) == (403, False)
    assert (await client.ask("GET", THINGS, key=shown, headers=here)).status == 403
    _, token = await SessionTokens(database).grant("default", "th_1", key.id, seconds=60)
    assert [
        (await client.ask("GET", f"{THINGS}/th_1", key=token, headers=headers)).status
        for headers in (here, {}, elsewhere)
    ] == [200, 200, 403]


async def test_visitors_who_share_a_publishable_key_do_not_share_answers(client: Client) -> None:
    _, shown = await client.keys.create(origins=[PAGE])
    headers = {"Origin": PAGE, "Idempotency-Key": "open"}
    for _ in range(2):
        await client.ask("POST", f"{THINGS}/open", key=shown, headers=headers, json={"name": "x"})
    assert len(set(client.things.made)) == 2


async def test_a_browser_is_told_what_a_page_may_do(client: Client) -> None:
    await client.keys.create(origins=[PAGE])
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    answer = await client.ask("OPTIONS", THINGS, key="", headers=asked)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = await client.ask("OPTIONS", THINGS, key="", headers=asked | {"Origin": "https://evil.example"})
    assert (refused.status, "Access-Control-Allow-Origin" in refused.headers, refused.headers["Vary"]) == (
        403,
        False,
        "Origin",
    )
    other = await client.ask("OPTIONS", THINGS, key="")
    assert (other.status, other.headers["Allow"]) == (405, "GET,POST")
    # A page can read why it was refused, where it may call at all.
    unknown = await client.ask("GET", THINGS, key="", headers={"Origin": PAGE})
    assert (unknown.status, unknown.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


async def test_too_many_requests_are_told_when_to_come_back(database: Database) -> None:
    async with served(database, API_RATE="0.01", API_BURST="3") as client:
        found = [await client.ask("GET", THINGS) for _ in range(4)]
        assert [each.status for each in found] == [200, 200, 200, 429]
        assert found[0].headers["RateLimit-Policy"] == '"default";q=3;w=300'
        assert found[0].headers["RateLimit"].startswith('"default";r=2;t=')
        assert 90 < int(found[3].headers["Retry-After"]) <= 100
        assert problem(found[3])["type"] == "/api/v1/docs#rate-limited"
        _, other = await client.keys.create(scopes=["chat:read"])
        assert (await client.ask("GET", THINGS, key=other)).status == 200
