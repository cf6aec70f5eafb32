"""Requests to the API: bodies, paths and methods are read strictly, and each mistake is a problem."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from ingress.api.route import BASE
from tests.redis.api import Client, problem

pytestmark = pytest.mark.one_server

THINGS = f"{BASE}/things"


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
