"""take and claim: one worker at a time holds a thread, and a thread whose worker died comes back."""

from __future__ import annotations

import asyncio

import msgspec

from answerback.errors import StoreUnavailable
from answerback.store import keys
from answerback.store.keys import Partition
from answerback.store.threads.leases import Reservation
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, Work, accept, claim, claim_all, event, lapse, leases_of, step, turn, until
from worker.claiming.claims import Claimer
from worker.claiming.slots import Slots


async def test_a_claim_returns_all_that_a_turn_needs(threads: Threads) -> None:
    await accept(threads, 1, 2, 3)
    first = await claim(threads)
    await threads.commit(turn(first, state=b"\x80", more=False))
    second = await claim(threads, owner="other")
    assert [entry.event for entry in second.entries] == [event(2)]
    assert [message.text for message in second.history] == ["message 1", "yes"]
    assert (second.agent, second.state, second.journal) == ("helper", b"\x80", {})
    assert (second.attempt, second.position, second.fence) == (1, 1, first.fence + 1)


async def test_history_and_entries_are_no_more_than_asked_for(threads: Threads) -> None:
    await accept(threads, *range(6))
    for _ in range(3):
        await threads.commit(turn(await claim(threads), more=False))
    few = Threads(threads.database, window=2, history=3)
    found = await claim(few)
    assert [entry.event.message for entry in found.entries] == ["3", "4"]
    assert [message.text for message in found.history] == ["yes", "message 2", "yes"]


async def test_many_claimers_share_threads_and_none_gets_one_twice(threads: Threads) -> None:
    ids = [f"github:1:{number}" for number in range(100)]
    for number, id in enumerate(ids):
        await accept(threads, number, thread=id)

    async def work(owner: str) -> list[Claim]:
        found: list[Claim] = []
        while some := await claim_all(threads, limit=3, owner=owner):
            found += some
        return found

    claims = await asyncio.gather(*[work(f"worker {number}") for number in range(20)])
    assert sorted(found.thread for some in claims for found in some) == sorted(ids)


async def test_a_claim_whose_answer_was_lost_is_made_again_and_is_the_same(threads: Threads) -> None:
    await accept(threads, 1)
    taken = await threads.reserve(0, "ready", 10)
    (first,) = await threads.claim(0, taken, "worker", suspects=1, fatal=5)
    (again,) = await threads.claim(0, taken, "worker", suspects=1, fatal=5)
    assert (again.fence, again.attempt, again.crashes) == (first.fence, 1, 0)
    await threads.commit(turn(again))
    await accept(threads, 2)
    await claim(threads)
    await lapse(threads)
    assert (await claim(threads)).crashes == 1, "a claim of another reservation is another claim"


async def test_a_thread_that_a_token_names_is_claimed_without_being_reserved_first(threads: Threads) -> None:
    await accept(threads, 1)
    assert await threads.wait_for_work(0, "ready", 10) == THREAD
    named = Reservation.with_claim(THREAD)
    (first,) = await threads.claim(0, named, "worker", suspects=1, fatal=5)
    (again,) = await threads.claim(0, named, "worker", suspects=1, fatal=5)
    assert (again.fence, again.attempt, again.crashes) == (first.fence, 1, 0)
    assert await claim_all(threads) == []
    assert await threads.commit(turn(again)) == []


async def test_a_token_that_comes_late_takes_no_thread(threads: Threads) -> None:
    named = Reservation.with_claim(THREAD)
    assert await threads.claim(0, named, "worker") == []
    await accept(threads, 1)
    held = await claim(threads)
    assert await threads.claim(0, named, "worker") == []
    assert await threads.claim(0, named, "other") == []
    await threads.release(held, delay=60)
    assert await threads.claim(0, named, "worker") == []
    await lapse(threads)
    (late,) = await threads.claim(0, named, "worker")
    assert (late.attempt, late.crashes) == (2, 0)
    assert not await threads.database.call("EXISTS", keys.retrying(0, "ready"))
    await lapse(threads)
    (heir,) = await threads.claim(0, Reservation.with_claim(THREAD), "heir")
    assert heir.crashes == 1


async def test_what_is_taken_while_redis_goes_away_waits_for_no_lease(threads: Threads) -> None:
    """The connection fails between the reservation and the claim, or with the claim's answer on its way."""
    await accept(threads, 1)
    calls: list[Claim] = []
    done = asyncio.Event()

    async def take(p: Partition, taken: Reservation) -> list[Claim]:
        calls.extend(await threads.claim(p, taken, "worker") if calls else [])
        if len(calls) < 2:
            calls.extend(await threads.claim(p, taken, "worker"))
            raise StoreUnavailable("cut off")
        return calls[-1:]

    async def run(held: Claim) -> None:
        await threads.commit(turn(held))
        done.set()

    hour = Threads(threads.database, lease=3600)
    claims = Claimer("ready", hour, leases_of(hour, 3600), Work(take, run), slots=10, lease=3600)
    claims.start()
    try:
        await asyncio.wait_for(done.wait(), 20)
    finally:
        await claims.stop(1)
    assert {(held.fence, held.attempt, held.crashes) for held in calls} == {(1, 1, 0)}


class Committing:
    """Turns that end with a commit which takes until `committed` is set."""

    paused = False

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.slots = Slots(1)
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.end, self.committed = asyncio.Event(), asyncio.Event()

    async def claim(self, p: Partition, taken: Reservation) -> list[Claim]:
        return await self.threads.claim(p, taken, "worker")

    async def run(self, held: Claim) -> None:
        self.begun.append(held.thread)
        await self.end.wait()
        self.end.clear()
        await self.slots.lend(self.commit())
        self.ended.append(held.thread)

    async def commit(self) -> list[str]:
        await self.committed.wait()
        return ["another entry"]


async def test_a_turn_that_only_waits_for_its_commit_lends_its_slot(threads: Threads) -> None:
    first, second, third = [f"github:1:{number}" for number in range(3)]
    for number, thread in enumerate((first, second, third)):
        await accept(threads, number, thread=thread)
    work = Committing(threads)
    claimer = Claimer("ready", threads, leases_of(threads), work, slots=work.slots, lease=5)
    claimer.start()
    try:
        await until(lambda: has(work.begun, 1))
        work.end.set()
        await until(lambda: has(work.begun, 2))
        assert len(claimer) == 1
        # The first one goes on after all, and waits until the second one lends the slot, or ends.
        work.committed.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert work.ended == []
        work.end.set()
        await until(lambda: has(work.begun, 3))
        assert sorted(work.ended) == [first, second]
    finally:
        work.end.set()
        await claimer.stop(1)


async def has(begun: list[str], count: int) -> bool:
    return len(begun) == count


async def test_a_claimed_thread_is_not_taken(threads: Threads) -> None:
    await accept(threads, 1)
    await claim(threads)
    await accept(threads, 2)
    taken = await threads.reserve(0, "ready", 10)
    assert taken.threads == ()
    assert taken.wait is not None
    assert 4000 < taken.wait <= 5000


async def test_the_thread_that_waits_longest_is_reserved_first(threads: Threads) -> None:
    for number in range(5):
        await accept(threads, number, thread=f"github:1:{number}")
        await threads.database.call("ZADD", keys.queue(0, "ready"), number + 1, f"github:1:{number}")
    assert (await threads.reserve(0, "ready", 2)).threads == ("github:1:0", "github:1:1")
    assert (await threads.reserve(0, "ready", 2)).threads == ("github:1:2", "github:1:3")


async def test_a_dead_workers_thread_is_claimable_when_its_lease_ends(threads: Threads) -> None:
    await accept(threads, 1)
    dead = await claim(threads)
    await threads.step(step(dead, "look", record=b"seen"))
    await lapse(threads)
    heir = await claim(threads, owner="heir")
    assert heir.entries == dead.entries
    assert heir.journal == {"look": b"seen"}
    assert (heir.fence, heir.attempt) == (dead.fence + 1, 2)


async def test_a_lease_ends_by_itself(threads: Threads) -> None:
    brief = Threads(threads.database, lease=0.03)
    await accept(brief, 1)
    attempts: list[int] = []

    async def twice() -> bool:
        attempts.extend(held.attempt for held in await claim_all(brief))
        return len(attempts) > 1

    await until(twice)
    assert attempts == [1, 2]


async def test_what_was_taken_and_never_claimed_costs_no_attempt(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.reserve(0, "ready", 10)
    assert (await threads.reserve(0, "ready", 10)).threads == ()
    await lapse(threads)
    assert (await claim(threads)).attempt == 1


async def test_what_was_reserved_is_given_back_unless_somebody_has_it(threads: Threads) -> None:
    await accept(threads, 1)
    taken = await threads.reserve(0, "ready", 10)
    await threads.give_back(0, "ready", taken)
    held = await claim(threads)
    assert held.attempt == 1
    await threads.give_back(0, "ready", msgspec.structs.replace(taken, till=taken.till - 1))
    assert await claim_all(threads) == []
    assert len(await threads.commit(turn(held))) == 0


async def test_a_late_claim_steals_nothing(threads: Threads) -> None:
    await accept(threads, 1)
    slow = await threads.reserve(0, "ready", 10)
    await lapse(threads)
    quick = await claim(threads)
    assert await threads.claim(0, slow, "slow") == []
    assert len(await threads.commit(turn(quick))) == 0


async def test_a_late_claim_of_a_thread_that_was_taken_again_gets_nothing(threads: Threads) -> None:
    await accept(threads, 1)
    slow = await threads.reserve(0, "ready", 10)
    await lapse(threads)
    quick = await threads.reserve(0, "ready", 10)
    assert await threads.claim(0, slow, "slow") == []
    assert len(await threads.claim(0, quick, "quick")) == 1


async def test_a_reservation_with_nothing_left_to_do_ends(threads: Threads) -> None:
    await accept(threads, 1)
    taken = await threads.reserve(0, "ready", 10)
    await threads.database.call("DEL", keys.inbox(0, THREAD))
    assert await threads.claim(0, taken, "worker") == []
    assert not await threads.database.call("EXISTS", keys.queue(0, "ready"))


async def test_fences_and_attempts_only_grow(threads: Threads) -> None:
    await accept(threads, 1)
    seen = []
    for _ in range(5):
        found = await claim(threads)
        seen.append((found.fence, found.attempt))
        await lapse(threads)
    assert seen == [(number, number) for number in range(1, 6)]


async def test_events_are_handled_in_the_order_they_came(threads: Threads) -> None:
    await accept(threads, *range(30))
    handled = []
    held = await claim(threads)
    while held.entries:
        handled.append(int(held.entries[0].event.message))
        held.entries = await threads.commit(turn(held))
        held.position += 1
    assert handled == list(range(30))


async def test_an_inbox_of_thousands_is_no_burden(threads: Threads) -> None:
    await asyncio.gather(*[threads.accept(event(number)) for number in range(5000)])
    wide = Threads(threads.database, window=5000)
    assert len((await claim(wide)).entries) == 5000
