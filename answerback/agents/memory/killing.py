"""Killing a turn at a chosen place, as if its worker had died there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple, TypeVar

from answerback.agents.journal import Journal, Write, is_reply
from answerback.agents.limits import TurnLimits
from answerback.errors import AnswerbackError

T = TypeVar("T")

Moment = Literal["before", "after"]


class Killed(AnswerbackError):
    """The turn was killed at a place that `kill_at` named: nothing of it runs or is stored any more."""


class KillPoint(NamedTuple):
    """A place in a turn, before or after it takes effect: "commit", "reply" or the key of a step, as a pattern."""

    place: str
    when: Moment

    @classmethod
    def parse(cls, place: str, when: Moment) -> KillPoint:
        """Return a valid kill point. Raises ValueError, saying what to do."""
        kind, _, name = place.partition(":")
        if not (place in ("reply", "commit", "model") or (kind in ("step", "tool") and name)):
            raise ValueError(f'kill_at takes "step:<name>", "tool:<name>", "model", "reply" or "commit", not {place!r}')
        if when not in ("before", "after"):
            raise ValueError(f'kill_at: when must be "before" or "after", not {when!r}')
        # The names that pydantic-ai gives to the steps of a language model.
        steps = {"tool": f"step:*.call_tool:{name}", "model": "step:*__model.request"}
        return cls(steps.get(kind, place), when)

    def matches(self, place: str, when: Moment) -> bool:
        """Return whether this is the place that a turn has reached. A step's name without a number means each call."""
        if self.when != when:
            return False
        kind, _, key = place.partition(":")
        innermost = f"{kind}:{key.rpartition('>')[2]}"
        names = (place, innermost, place.rpartition("#")[0], innermost.rpartition("#")[0])
        return place == self.place or any(fnmatchcase(name, self.place) for name in names if key)


class KillableJournal(Journal):
    """A journal that reports each step before and after it runs, to `reach`."""

    def __init__(
        self,
        records: dict[str, bytes],
        write: Write,
        ensure_lease: Callable[[], Awaitable[None]],
        limits: TurnLimits,
        reach: Callable[[str, Moment], Awaitable[None]],
    ) -> None:
        super().__init__(records, write, ensure_lease, limits)
        self._reach = reach

    async def _inside(self, key: str, run: Callable[[], Awaitable[T]]) -> T:
        await self._reach(place_of(key), "before")
        result = await super()._inside(key, run)
        # A reply takes effect when it is stored, with its record.
        if place_of(key) != "reply":
            await self._reach(place_of(key), "after")
        return result


def place_of(key: str) -> str:
    """Return the place of a step by its key in the journal."""
    return "reply" if is_reply(key) else f"step:{key}"
