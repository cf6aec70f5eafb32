"""What workers measured, as the charts show it."""

from __future__ import annotations

from answerback.store.fleet import keys as fleet_keys
from answerback.store.fleet.metrics import KEPT, MINUTE, Metrics, timed
from answerback.store.redis import Database


async def test_what_was_counted_in_a_minute_adds_up(database: Database) -> None:
    measures = Metrics(database)
    for _ in range(3):
        await measures.add({"events": 2, "turns": 1, "failed": 1, timed(0.5): 1})
    await measures.add({"turns": 1, timed(20): 1})
    found = await measures.read(60)
    assert len(found) == 60
    assert sum(each.events for each in found) == 6
    assert sum(each.turns for each in found) == 4
    assert sum(each.failed for each in found) == 3
    # A test may run over the turn of a minute: then its measures lie in two.
    last = found[-1] if found[-1].turns == 4 else None
    if last:
        assert last.p50 is not None
        assert 0.46 < last.p50 < 0.54
        assert last.p95 is not None
        assert 18 < last.p95 < 22


async def test_stretches_hold_whole_minutes_and_end_with_the_present_one(database: Database) -> None:
    now = await database.now() // MINUTE
    for back in range(30):
        await database.call("HINCRBY", fleet_keys.minute(now - back), "events", 1)
    found = await Metrics(database).read(1440, each=10)
    assert all(each.at % (10 * MINUTE) == 0 for each in found)
    assert found[-1].at <= await database.now() < found[-1].at + 11 * MINUTE
    assert sum(each.events for each in found) == 30
    assert {each.events for each in found[-3:-1]} == {10}
    assert found[0].p50 is None


async def test_a_minute_is_kept_for_a_day_and_nothing_is_written_for_nothing(database: Database) -> None:
    measures = Metrics(database)
    await measures.add({})
    assert await database.call("KEYS", "*") == []
    await measures.add({"events": 1})
    (key,) = await database.call("KEYS", "*")
    assert 0 < await database.call("PTTL", key) <= KEPT
