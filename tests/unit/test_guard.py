"""What a process logs of its Redis: once when it goes away and when it comes back, whatever fails meanwhile."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.store import guard as module
from answerback.store.guard import Guard


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_an_outage_is_logged_when_it_begins_and_ends(clock: Clock) -> None:
    guard = Guard()
    with capture_logs() as lines:
        for _ in range(500):
            guard.failed(StoreUnavailable("Redis rejected the user or password in REDIS_URL"))
            clock.now += 0.1
        assert len(lines) == 1
        assert guard.away == pytest.approx(50)
        # Not over with the first answer: others still fail.
        guard.answered()
        assert guard.away
        clock.now += 2
        guard.answered()
        guard.answered()
    assert not guard.away
    assert [line["event"] for line in lines] == ["Redis unavailable", "Redis available again"]


def test_an_outage_that_goes_on_is_not_forgotten(clock: Clock) -> None:
    guard = Guard()
    with capture_logs() as lines:
        for number in range(3600):
            guard.failed(StoreUnavailable(f"one of many reasons: {number % 7}"))
            clock.now += 1
    assert 60 <= len(lines) <= 361


def test_what_was_refused_is_doubted_until_somebody_looks(clock: Clock) -> None:
    guard = Guard()
    guard.failed(StoreUnavailable("Redis is not ready: READONLY"), doubtful=True)
    assert guard.unfit
    assert not guard.fresh
    guard.failed(StoreUnfit("it is a replica"), doubtful=True)
    assert "READONLY" in guard.unfit


def test_a_full_server_is_logged_once_a_minute(clock: Clock) -> None:
    guard = Guard()
    with capture_logs() as lines:
        for _ in range(1000):
            guard.full(StoreFull())
            clock.now += 0.1
    assert len(lines) == 2
    assert not guard.away
