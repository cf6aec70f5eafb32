"""How patiently a refusal is met: the same answer may pass in a moment, or be final, depending on what is young."""

from __future__ import annotations

import math
from typing import Self

import msgspec

from answerback.errors import NotYet, Rejected
from answerback.messages import Reply

FRESH = 600.0
"""Seconds during which a platform's own servers may not all know of an event yet."""

LAG, PASSING, FINAL = 6, 3, 0
"""How many refusals are put up with: of what is new, of what should not happen, and of what will not change.

With the pauses between tries, six take half a minute or more.
"""

LONGEST_GUESS = 3600.0
"""Seconds that we wait at most where a platform wants us to wait and does not say how long."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a request when its answer is judged.

    refusals  how often the reply was refused by answers that may pass
    waits     how often the platform asked to wait
    at        when the event was said that is answered, in ms by the platform's clock; 0 if unknown
    """

    refusals: int = 0
    waits: int = 0
    at: int = 0

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """The next attempt of a reply."""
        return cls(refusals=reply.refusals, waits=reply.waits, at=reply.at)

    def fresh(self, there: float) -> bool:
        """Whether the event may be too young to be known everywhere; `there` is the platform's time, seconds."""
        return not self.at or there - self.at / 1000 < FRESH

    def refused(self, words: str, patience: int) -> NotYet | Rejected:
        """The error for a refusal: final when it was met so often already."""
        return NotYet(words) if self.refusals < patience else Rejected(words)

    def pause(self, least: float) -> float:
        """Seconds to wait where the platform does not say how many: twice as long each time."""
        return min(least * math.ldexp(1.0, min(self.waits, 20)), max(least, LONGEST_GUESS))


LAST = Attempt(refusals=1_000_000)
"""The attempt of a request that nobody repeats for us: every refusal is final."""
