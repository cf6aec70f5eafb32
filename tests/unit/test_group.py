"""Group commit: order, limit, and what happens to those who wait when a flush fails or one of them leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

import pytest

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.batching import Batcher


class Flushes:
    """A flush that waits until it is let through, and doubles what it got."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.running = 0
        self.error: BaseException | None = None
        self.short = False
        self.gate = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.running += 1
        assert self.running == 1, "two flushes at once"
        self.seen.append(list(items))
        try:
            await self.gate.wait()
            if self.error:
                raise self.error
            return [2 * item for item in items][self.short :]
        finally:
            self.running -= 1


@pytest.fixture
async def flushes() -> Flushes:
    return Flushes()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_flush_goes_out_together_as_the_next(flushes: Flushes) -> None:
    group = Batcher(flushes)
    first = group.submit(1)
    await settle()
    others = [group.submit(item) for item in (2, 3, 4)]
    await settle()
    assert flushes.seen == [[1]]
    flushes.gate.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert flushes.seen == [[1], [2, 3, 4]]


async def test_what_is_submitted_in_one_go_leaves_in_one_flush(flushes: Flushes) -> None:
    flushes.gate.set()
    group = Batcher(flushes)
    assert await asyncio.gather(*[group.submit(item) for item in range(5)]) == [0, 2, 4, 6, 8]
    assert flushes.seen == [[0, 1, 2, 3, 4]]


async def test_order_and_limit_hold(flushes: Flushes) -> None:
    flushes.gate.set()
    group = Batcher(flushes, limit=3)
    assert await asyncio.gather(*[group.submit(item) for item in range(8)]) == [2 * item for item in range(8)]
    assert flushes.seen == [[0, 1, 2], [3, 4, 5], [6, 7]]


async def test_what_is_cancelled_before_its_flush_is_never_written(flushes: Flushes) -> None:
    group = Batcher(flushes)
    first = group.submit(1)
    await settle()
    left, stays = group.submit(2), group.submit(3)
    left.cancel()
    flushes.gate.set()
    assert [await first, await stays] == [2, 6]
    assert flushes.seen == [[1], [3]]


async def test_a_group_of_nothing_but_cancelled_items_is_no_flush(flushes: Flushes) -> None:
    group = Batcher(flushes)
    group.submit(1).cancel()
    flushes.gate.set()
    await settle()
    assert flushes.seen == []
    assert await group.submit(2) == 4


async def test_what_is_cancelled_during_its_flush_does_not_disturb_the_others(flushes: Flushes) -> None:
    group = Batcher(flushes)
    first, second = group.submit(1), group.submit(2)
    await settle()
    first.cancel()
    flushes.gate.set()
    assert await second == 4
    assert flushes.seen == [[1, 2]]


async def test_a_task_that_is_cancelled_takes_its_item_with_it(flushes: Flushes) -> None:
    group = Batcher(flushes)

    async def submit(item: int) -> int:
        return await group.submit(item)

    first = asyncio.create_task(submit(1))
    await settle()
    second = asyncio.create_task(submit(2))
    await settle()
    second.cancel()
    flushes.gate.set()
    assert await first == 2
    await settle()
    assert second.cancelled()
    assert flushes.seen == [[1]]


async def test_an_error_reaches_everyone_in_its_group_and_nobody_else(flushes: Flushes) -> None:
    group = Batcher(flushes)
    flushes.error = OSError("gone")
    waiting = [group.submit(item) for item in (1, 2)]
    await settle()
    later = group.submit(3)
    flushes.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]
    assert isinstance(await asyncio.gather(later, return_exceptions=True), list)
    flushes.error = None
    assert await group.submit(4) == 8


async def test_too_few_results_are_an_error_and_nobody_waits_for_ever(flushes: Flushes) -> None:
    flushes.short = True
    flushes.gate.set()
    group = Batcher(flushes)
    async with asyncio.timeout(30):
        results = await asyncio.gather(group.submit(1), group.submit(2), return_exceptions=True)
        assert [type(result) for result in results] == [RuntimeError, RuntimeError]
        flushes.short = False
        assert await group.submit(3) == 6


async def test_a_group_that_fell_silent_begins_again(flushes: Flushes) -> None:
    flushes.gate.set()
    group = Batcher(flushes)
    for item in range(3):
        assert await group.submit(item) == 2 * item
        await settle()
    assert flushes.seen == [[0], [1], [2]]


@pytest.mark.parametrize(("error", "flushed"), [(StoreUnavailable(), 1), (StoreFull(), 5)])
async def test_while_the_store_is_away_nobody_waits_for_more_than_the_flush_under_way(
    flushes: Flushes, error: Exception, flushed: int
) -> None:
    group = Batcher(flushes, limit=2)
    first = group.submit(0)
    await settle()
    others = [group.submit(item) for item in range(1, 9)]
    flushes.error = error
    flushes.gate.set()
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert results == [error] * 9
    assert len(flushes.seen) == flushed
    flushes.error = None
    assert await group.submit(9) == 18


class _Limit(int):
    """A limit; comparing with it fails once, as anything may when memory has run out."""

    failed = False

    def __gt__(self, other: int) -> bool:
        if self.failed:
            return int(self) > other
        self.failed = True
        raise MemoryError


async def test_nobody_waits_forever_when_memory_has_run_out(flushes: Flushes) -> None:
    flushes.gate.set()
    group = Batcher(flushes, limit=_Limit(128))
    waiting = [group.submit(item) for item in range(3)]
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert [type(result) for result in results] == [MemoryError] * 3
    assert await group.submit(4) == 8


async def test_a_group_that_could_not_begin_begins_with_the_next_item(
    flushes: Flushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes.gate.set()
    group = Batcher(flushes)

    def fail(coroutine: Coroutine[object, object, None]) -> None:
        coroutine.close()
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_task", fail)
        with pytest.raises(MemoryError):
            group.submit(1)
    assert await asyncio.wait_for(group.submit(2), 10) == 4
    assert flushes.seen == [[2]]
