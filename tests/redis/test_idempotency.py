"""Requests that named themselves: one of them is worked on, and all get its answer."""

from __future__ import annotations

import asyncio

from answerback.store.access import keys as access_keys
from answerback.store.access.idempotency import Conflict, Idempotency, StoredResponse
from answerback.store.redis import Database

DONE = StoredResponse(201, {"Content-Type": "application/json"}, b'{"id": 1}')


async def test_a_request_that_was_answered_gets_the_same_answer(database: Database) -> None:
    store = Idempotency(database)
    owner = await store.begin("d", "route", "body", alone=True)
    assert isinstance(owner, str)
    assert await store.finish("d", owner, DONE)
    for alone in (True, False):
        assert await store.begin("d", "route", "body", alone=alone) == DONE
    assert 86_000 < await database.call("TTL", access_keys.idempotency("d")) <= 86_400


async def test_another_request_of_the_same_name_is_refused(database: Database) -> None:
    store = Idempotency(database)
    owner = await store.begin("d", "route", "body", alone=True)
    for _ in range(2):
        assert await store.begin("d", "route", "other", alone=True) == Conflict("another body")
        assert await store.begin("d", "other", "body", alone=True) == Conflict("another route")
        assert isinstance(owner, str)
        await store.finish("d", owner, DONE)


async def test_of_many_at_once_one_begins(database: Database) -> None:
    store = Idempotency(database)
    found = await asyncio.gather(*[store.begin("d", "route", "body", alone=True) for _ in range(20)])
    assert sum(isinstance(each, str) for each in found) == 1
    running = [each for each in found if isinstance(each, Conflict)]
    assert {each.reason for each in running} == {"running"}
    assert all(0 < each.wait <= 60_000 for each in running)


async def test_many_may_begin_what_may_be_done_by_many(database: Database) -> None:
    store = Idempotency(database)
    assert [await store.begin("d", "route", "body", alone=False) for _ in range(3)] == [""] * 3
    assert await store.begin("d", "route", "other", alone=False) == Conflict("another body")


async def test_a_request_that_failed_may_be_tried_again(database: Database) -> None:
    store = Idempotency(database)
    first = await store.begin("d", "route", "body", alone=True)
    assert isinstance(first, str)
    assert await store.finish("d", first, None)
    second = await store.begin("d", "route", "body", alone=True)
    assert isinstance(second, str)
    assert second != first


async def test_after_a_crash_another_takes_over_and_the_first_can_write_nothing(database: Database) -> None:
    store = Idempotency(database)
    first = await store.begin("d", "route", "body", alone=True)
    await database.call("HSET", access_keys.idempotency("d"), "until", await database.now() - 1)
    second = await store.begin("d", "route", "body", alone=True)
    assert isinstance(first, str)
    assert isinstance(second, str)
    assert not await store.finish("d", first, StoredResponse(500, {}, b"late"))
    assert await store.finish("d", second, DONE)
    assert await store.begin("d", "route", "body", alone=True) == DONE


async def test_an_answer_may_be_empty_or_any_bytes(database: Database) -> None:
    store = Idempotency(database)
    for number, body in enumerate((b"", bytes(range(256)))):
        owner = await store.begin(f"d{number}", "route", "body", alone=True)
        assert isinstance(owner, str)
        await store.finish(f"d{number}", owner, StoredResponse(204, {}, body))
        assert await store.begin(f"d{number}", "route", "body", alone=True) == StoredResponse(204, {}, body)


async def test_what_is_only_compared_is_remembered_from_its_first_time(database: Database) -> None:
    store = Idempotency(database)
    assert await store.begin("d", "route", "body", alone=False) == ""
    await database.call("PEXPIRE", access_keys.idempotency("d"), 5_000)
    assert await store.begin("d", "route", "body", alone=False) == ""
    assert await database.call("PTTL", access_keys.idempotency("d")) <= 5_000


async def test_a_later_try_is_known_by_what_its_first_one_was(database: Database) -> None:
    store = Idempotency(database)
    assert await store.attempt("d", "a", 60, first=True) == "a"
    assert [await store.attempt("d", fresh, 60, first=False) for fresh in "bc"] == ["a", "a"]
    assert await store.attempt("d", "e", 60, first=True) == "e", "the same, said once more"
    assert await store.attempt("d", "f", 60, first=False) == "e"
    assert await store.attempt("other", "g", 60, first=False) == "g", "its first try never came"
    assert await store.attempt("other", "h", 60, first=False) == "g"
    assert 0 < await database.call("PTTL", access_keys.attempt("d")) <= 60_000
