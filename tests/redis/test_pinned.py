"""A turn that has taken steps is pinned to the version of the code that took them, while a worker with it runs."""

from __future__ import annotations

from answerback.codec import encode
from answerback.errors import LeaseLost
from answerback.steps import Record
from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.threads.pinned import pinned_turns
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, claim_all, lapse, step, turn

DONE = encode(Record("done", value=b"\xc0"))


def _running(database: Database, version: str, lease: float = 5) -> Threads:
    return Threads(database, version=version, lease=lease)


async def _alive(threads: Threads, owner: str) -> Threads:
    await threads.extend(0, [], owner)
    return threads


async def _parked(threads: Threads, owner: str, limit: int = 10) -> list[Claim]:
    reservation, _ = await threads.reserve_parked(0, limit)
    return await threads.claim(0, reservation, owner)


async def _begun(threads: Threads, owner: str = "old 1") -> Claim:
    """A turn with one step, whose worker died."""
    held = await claim(threads, owner=owner)
    await threads.step(step(held, "work#1", record=DONE))
    return held


async def test_a_turn_is_left_to_its_version_and_nobody_looks_at_it_over_and_over(database: Database) -> None:
    old, new = await _alive(_running(database, "old"), "old 2"), await _alive(_running(database, "new"), "new 1")
    await accept(old, 1)
    await _begun(old)
    await lapse(old)
    assert await claim_all(new, owner="new 1") == []
    reservation = await new.reserve(0, "ready", 10)
    assert not reservation.threads, "it is not claimable for a while"
    assert reservation.wait is not None
    assert 0 < reservation.wait <= 1000, "but if nobody took it, somebody would look again"

    (held,) = await _parked(old, "old 2")
    assert (held.version, held.crashes, held.attempt, [*held.journal]) == ("old", 1, 2, ["work#1"])
    assert await _parked(old, "old 2") == [], "it is parked no more"
    await old.commit(turn(held))
    assert await database.call("HLEN", keys.parked(0)) == 0


async def test_another_version_takes_it_over_once_its_own_has_stopped_or_died(database: Database) -> None:
    for end in ("stopped", "died"):
        old = await _alive(_running(database, f"old {end}"), "old 1")
        new = await _alive(_running(database, "new"), "new 1")
        await accept(old, *((1,) if end == "stopped" else (2,)))
        await _begun(old)
        await lapse(old)
        assert await claim_all(new, owner="new 1") == []
        if end == "stopped":
            await old.forget(0, "old 1")
        else:
            await database.call("ZADD", keys.versions(0), 1, "old died\nold 1")
        await lapse(old)
        (held,) = await claim_all(new, owner="new 1")
        assert (held.version, [*held.journal]) == (f"old {end}", ["work#1"])
        # Its first step with the other version pins it to that.
        await new.step(step(held, "work#2", record=DONE))
        await _alive(old, "old 1")
        await lapse(old)
        assert await claim_all(old, owner="old 1") == []
        (again,) = await _parked(new, "new 1")
        assert again.version == "new"
        await new.commit(turn(again))


async def test_a_turn_without_steps_is_for_any_version(database: Database) -> None:
    old, new = await _alive(_running(database, "old"), "old 1"), await _alive(_running(database, "new"), "new 1")
    await accept(old, 1)
    await old.commit(turn(await _begun(old)))
    await accept(old, 2)
    await claim(old, owner="old 1")
    await lapse(old)
    held = await claim(new, owner="new 1")
    assert (held.version, held.crashes) == ("", 1)


async def test_a_claim_that_leaves_a_turn_to_others_may_be_repeated(database: Database) -> None:
    old, new = await _alive(_running(database, "old"), "old 1"), await _alive(_running(database, "new"), "new 1")
    await accept(old, 1)
    await _begun(old)
    await accept(old, 2, thread="github:1:2")
    await lapse(old)
    reservation = await new.reserve(0, "ready", 10)
    first, again = [await new.claim(0, reservation, "new 1") for _ in range(2)]
    assert [(c.thread, c.fence, c.attempt) for c in first] == [(c.thread, c.fence, c.attempt) for c in again]
    assert [c.thread for c in first] == ["github:1:2"], "the others of the same reservation are not held up"


async def test_a_released_turn_is_parked_for_its_version_until_it_is_due(database: Database) -> None:
    old, new = await _alive(_running(database, "old"), "old 1"), await _alive(_running(database, "new"), "new 1")
    await accept(old, 1)
    held = await _begun(old)
    await old.release(held, "failed", delay=60, error="no")
    reservation, others = await old.reserve_parked(0, 10)
    assert (reservation.threads, others) == ((), True)
    assert reservation.wait is not None
    assert 59_000 < reservation.wait <= 60_000
    assert (await new.reserve_parked(0, 10))[0].wait is None
    await new.forget(0, "new 1")
    assert not (await old.reserve_parked(0, 10))[1], "nobody else would take it over"

    await lapse(old)  # as if it was requeued: it is parked no more, and in the queue as any other
    assert await _parked(old, "old 1") == []
    held = await claim(old, owner="old 1")
    await old.release(held, "handed back")
    assert [c.thread for c in await _parked(old, "old 1")] == [THREAD]


async def test_a_turn_that_starts_over_has_lost_its_steps_and_no_attempt(database: Database) -> None:
    old, new = _running(database, "old"), await _alive(_running(database, "new"), "new 1")
    await accept(old, 1)
    await _begun(old)
    await lapse(old)
    (held,) = await claim_all(new, owner="new 1")
    await new.release(held, "started over")
    again = await claim(old, owner="old 1")
    assert (again.journal, again.version, again.attempt) == ({}, "", held.attempt)
    try:
        await new.release(held, "started over")
    except LeaseLost:
        return
    raise AssertionError("only its holder may do that")


async def test_pinned_turns_are_counted_by_version_whether_they_run_or_wait(database: Database) -> None:
    old, new = await _alive(_running(database, "old"), "old 1"), await _alive(_running(database, "new"), "new 1")
    for number in range(600):
        await accept(old, number, thread=f"github:1:{number}")
    first, second, third, *_ = await claim_all(old, limit=600, owner="old 1")
    for held, threads in ((first, old), (second, old), (third, new)):
        await threads.step(step(held, "work#1", record=DONE))
    await old.release(second, "failed", delay=60)
    assert await pinned_turns(old) == {"old": 2, "new": 1}


async def test_limits_are_kept_and_the_rest_is_taken_next(database: Database) -> None:
    old, new = await _alive(_running(database, "old"), "old 1"), await _alive(_running(database, "new"), "new 1")
    for number in range(3):
        await accept(old, number, thread=f"github:1:{number}")
    for held in await claim_all(old, owner="dead"):
        await old.step(step(held, "work#1", record=DONE))
        await lapse(old, thread=held.thread)
    assert await claim_all(new, owner="new 1") == []
    reservation, _ = await old.reserve_parked(0, 2)
    assert (len(reservation.threads), reservation.wait) == (2, 0)
    assert len(await _parked(old, "old 1")) == 1
