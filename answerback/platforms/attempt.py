"""Decide whether a refusal is final or worth another attempt, depending on the event's age and earlier refusals."""

from __future__ import annotations

import math
from typing import Self

import msgspec

from answerback.errors import NotYet, Rejected
from answerback.replies import Reply

FRESH = 600.0
"""Seconds during which some of a platform's servers may not know an event yet."""

LAG, PASSING, FINAL = 6, 3, 0
"""Number of refusals that are retried: for recent events, for refusals that may be temporary, and for final ones.

With the pauses between attempts, six take at least half a minute.
"""

LONGEST_GUESS = 3600.0
"""The longest pause in seconds where a platform asks for one without saying how long."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The history of a request, needed to judge its response.

    Attributes:
        refusals: How often the reply met a refusal that may be temporary.
        waits: How often the platform asked for a pause.
        at: Time of the event that is answered, in ms by the platform's clock; 0 if unknown.
    """

    refusals: int = 0
    waits: int = 0
    at: int = 0

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return the next attempt of a reply."""
        return cls(refusals=reply.refusals, waits=reply.waits, at=reply.at)

    def fresh(self, there: float) -> bool:
        """Return whether the event may be too recent to be known everywhere. `there`: the platform's time, in s."""
        return not self.at or there - self.at / 1000 < FRESH

    def refused(self, words: str, patience: int) -> NotYet | Rejected:
        """Return the error for a refusal: final after `patience` refusals."""
        return NotYet(words) if self.refusals < patience else Rejected(words)

    def pause(self, least: float) -> float:
        """Return the seconds to wait if the platform does not say: `least`, doubled with each wait."""
        return min(least * math.ldexp(1.0, min(self.waits, 20)), max(least, LONGEST_GUESS))


LAST = Attempt(refusals=1_000_000)
"""The attempt of a request that is never retried: every refusal is final."""
