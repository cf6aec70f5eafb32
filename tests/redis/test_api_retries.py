"""A request that comes again gets the same response, and does nothing twice."""

from __future__ import annotations

import asyncio

import pytest

from answerback.store.access import keys as access_keys
from answerback.store.redis import Database
from ingress.api.route import BASE
from tests.redis.api import Client, problem

pytestmark = pytest.mark.one_server

THINGS = f"{BASE}/things"


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
