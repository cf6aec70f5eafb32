"""The ground of the API: who may call, how often, with what; and what a call that comes again gets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import jwt
import pytest

from answerback.store.access import keys as access_keys
from answerback.store.access.credential import Credential
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.user_tokens import UserTokens
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from ingress.api.route import BASE
from tests.redis.api import Answer, Client, served
from tests.redis.given import until

pytestmark = pytest.mark.one_server

THINGS = f"{BASE}/things"
PAGE = "https://www.example.com"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[Client]:
    """A client of the small API."""
    async with served(database) as found:
        yield found


def problem(answer: Answer) -> dict[str, object]:
    """A refusal, as RFC 9457 wants it."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    found: dict[str, object] = json.loads(answer.body)
    assert found["status"] == answer.status
    assert {"type", "title"} <= set(found)
    return found


# Who may call ----------------------------------------------------------------------------------------


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


# How often ---------------------------------------------------------------------------------------------


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


# With what ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": "x"} {}', 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"name": "\xff"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": "x", "name": "y"}', 400),
        (b'{"name": "x", "tags": {"a": 1, "a": 2}}', 400),
        (b'{"name": "x", "ratio": NaN}', 400),
        (b'{"name": "x", "tags": {"a": -Infinity}}', 400),
        (b'{"name": "x", "tags": {"a": 1e999}}', 400),
        (b'{"name": "x", "tags": {"a": ' + b"9" * 1001 + b"}}", 400),
        (b'{"name": "x", "count": ' + b"9" * 9000 + b"}", 400),
        (b'{"name": "x", "tags": {"a": ' + b"[" * 4000 + b"]" * 4000 + b"}}", 400),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"name": ""}', 422),
        (b'{"name": "x", "other": 1}', 422),
        (b'{"name": "x", "count": 1.5}', 422),
        (b'{"name": "x", "tags": {"a": -' + b"9" * 999 + b"}}", 201),
        (b' {"name": "\xc3\xa9\\u0000\\ud83d\\ude00"} ', 201),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_body_is_read_strictly(client: Client, body: bytes, status: int) -> None:
    answer = await client.make(body=body)
    assert answer.status == status, answer.body
    if status != 201:
        assert problem(answer)["type"] == "/api/v1/docs#invalid"
        assert client.things.made == []


async def test_every_wrong_field_is_told_with_its_place(client: Client) -> None:
    found = problem(await client.make(body=b'{"name": 1, "count": "many", "a/b~c": 1}'))
    errors = found["errors"]
    assert isinstance(errors, list)
    assert [(error["where"], error["at"]) for error in errors] == [
        ("body", "/name"),
        ("body", "/count"),
        ("body", "/a~1b~0c"),
    ]
    for query in ("limit=0", "limit=x", "limit=1&limit=2", "sort=up"):
        answer = await client.ask("GET", f"{THINGS}?{query}")
        assert answer.status == 422
        errors = problem(answer)["errors"]
        assert isinstance(errors, list)
        assert [(error["where"], error["at"]) for error in errors] == [("query", query.partition("=")[0])]


async def test_only_json_of_a_size_is_taken(client: Client) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
        answer = await client.ask("POST", THINGS, data=b'{"name": "x"}', headers=headers)
        assert problem(answer)["status"] == 415
    assert (await client.make(body=b'{"name": "' + b"x" * 10_000 + b'"}')).status == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    assert (await client.ask("POST", THINGS, data=chunks(), headers=headers)).status == 413
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert (await client.ask("POST", THINGS, data=b'{"name": "x"}', headers=charset)).status == 201


async def test_what_is_not_there_and_what_can_not_be_done_is_a_problem(client: Client) -> None:
    assert problem(await client.ask("GET", f"{BASE}/nothing"))["status"] == 404
    answer = await client.ask("PUT", THINGS)
    assert problem(answer)["status"] == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(","))


@pytest.mark.parametrize("path", [f"{THINGS}/%FF", f"{THINGS}/%00", f"{THINGS}/%ED%A0%80", f"{THINGS}?limit=%FF"])
async def test_an_address_may_hold_anything(client: Client, path: str) -> None:
    host, _, port = client.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    assert status in (200, 400, 404, 422)


async def test_a_clients_own_retry_is_the_first_request_again(client: Client) -> None:
    async def make(count: str, body: bytes = b'{"name": "x"}', path: str = f"{THINGS}/again", name: str = "") -> None:
        headers = {"Content-Type": "application/json", "x-stainless-retry-count": count}
        headers |= {"Idempotency-Key": name} if name else {}
        assert (await client.ask("POST", path, headers=headers, data=body)).status == 201

    for count in ("0", "1", "2"):
        await make(count)
    first = set(client.things.made)
    assert len(first) == 1
    await make("0")
    assert len({*client.things.made}) == 2, "said once more, it is another"
    client.things.made.clear()
    await make("1", b'{"name": "y"}')
    await make("1", path="/api/v1/things/again?a=1")
    await make("x")
    await make("x")
    await make("1", name="k1")
    await make("1", name="k2")
    assert len({*client.things.made} - first) == 6, "another body, another route, no count, another name"


async def test_a_route_may_refuse_in_its_own_form(client: Client) -> None:
    answer = await client.ask("DELETE", f"{THINGS}/x")
    assert (answer.status, json.loads(answer.body)) == (409, {"error": "not this one"})
    assert "error" in json.loads((await client.ask("DELETE", f"{THINGS}/x", key="")).body)


async def test_a_mistake_of_ours_is_try_again_and_half_an_answer_ends(client: Client) -> None:
    client.things.fail = RuntimeError("broken")
    answer = await client.make()
    assert (answer.status, b"broken" in answer.body) == (503, False)
    assert "Retry-After" in answer.headers
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("GET", f"{THINGS}/x/stream")


# Again ------------------------------------------------------------------------------------------------------


async def test_a_call_that_comes_again_gets_the_same_answer_and_does_nothing(client: Client) -> None:
    first = await client.make(name="one")
    again = await client.make(name="one")
    assert (again.status, again.body) == (first.status, first.body) == (201, first.body)
    for name in ("Content-Type", "Location"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(client.things.made) == 1
    for _ in range(2):
        await client.make()
    assert len(set(client.things.made)) == 3


async def test_a_name_is_for_one_request_of_one_caller(client: Client) -> None:
    await client.make(name="one")
    other = await client.make(name="one", body=b'{"name": "y"}')
    assert (other.status, problem(other)["type"]) == (409, "/api/v1/docs#idempotency-key")
    assert "another body" in str(problem(other)["detail"])
    assert "another route" in str(problem(await client.make(f"{THINGS}/again", name="one"))["detail"])
    _, key = await client.keys.create(scopes=["admin"])
    client.key = key
    assert (await client.make(name="one", body=b'{"name": "y"}')).status == 201


@pytest.mark.parametrize("name", ["x" * 256, "\u00e9", "a\tb"])
async def test_a_name_that_can_not_be_is_refused(client: Client, name: str) -> None:
    answer = await client.make(name=name)
    assert (answer.status, client.things.made) == (400, [])
    assert problem(answer)["errors"]


async def test_of_many_at_once_one_is_done(client: Client) -> None:
    found = await asyncio.gather(*[client.make(name="one") for _ in range(20)])
    assert len(client.things.made) == 1
    assert {each.status for each in found} <= {201, 409}
    for each in found:
        if each.status == 409:
            assert problem(each)["type"] == "/api/v1/docs#still-running"
            assert int(each.headers["Retry-After"]) > 0


async def test_what_failed_may_be_tried_again(client: Client) -> None:
    client.things.fail = RuntimeError("broken")
    assert (await client.make(name="one")).status == 503
    client.things.fail = None
    assert (await client.make(name="one")).status == 201
    assert (await client.make(name="one", body=b'{"name": ""}')).status == 422


async def test_after_a_crash_the_handler_gets_the_same_ids(client: Client, database: Database) -> None:
    await client.make(name="one")
    [digest] = client.things.made
    # It was done, and the process died before the answer was kept.
    await database.call("HDEL", access_keys.idempotency(digest), "status", "headers", "answer")
    await client.make(name="one")
    assert client.things.made == [digest, digest]


async def test_a_route_that_does_nothing_twice_is_run_again(client: Client) -> None:
    path = f"{THINGS}/again"
    found = await asyncio.gather(*[client.make(path, name="one") for _ in range(5)])
    assert {each.body for each in found} == {found[0].body}
    assert len(client.things.made) == 5
    assert len(set(client.things.made)) == 1
    assert (await client.make(path, name="one", body=b'{"name": "y"}')).status == 409
