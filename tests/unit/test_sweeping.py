"""A worker looks at new objects often, and at everything once garbage may be many objects, or large ones."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from worker import sweeping
from worker.sweeping import Sweeper


class Circle:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def by_hand() -> Iterator[None]:
    """The collector does nothing by itself, and forgets nothing afterwards."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def test_new_garbage_is_freed() -> None:
    sweeper = Sweeper()
    sweeper.sweep()
    gone = weakref.ref(Circle())
    assert gone() is not None
    sweeper.sweep()
    assert gone() is None


def test_what_became_garbage_later_is_freed_once_it_is_many_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "COUNTED", -1.0)
    monkeypatch.setattr(sweeping, "MOST", 1_000)
    sweeper = Sweeper()
    sweeper._kept = 0
    sweeper.sweep()
    circles = [Circle() for _ in range(100)]
    first = weakref.ref(circles[0])
    sweeper.sweep()
    del circles
    sweeper.sweep()
    assert first() is not None, "it was in use, and is not looked at again"
    in_use = [Circle() for _ in range(2_000)]
    sweeper.sweep()
    assert first() is None
    assert len(in_use) == 2_000


def test_what_became_garbage_later_is_freed_once_memory_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = [sweeping.memory()]
    monkeypatch.setattr(sweeping, "memory", lambda: memory[-1])
    sweeper = Sweeper()
    circle = Circle()
    gone = weakref.ref(circle)
    sweeper.sweep()
    del circle
    sweeper.sweep()
    assert gone() is not None, "it was in use, and is not looked at again"
    memory.append(memory[-1] + sweeping.GROWTH + 1)
    sweeper.sweep()
    assert gone() is None
