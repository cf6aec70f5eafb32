"""Programs that answer each other: bounded in each thread, and named to the operator."""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from answerback.log import get_logger
from answerback.messages import Event
from answerback.store import Claim
from answerback.store.threads.records import NO_LIMIT

log = get_logger(__name__)

PROGRAM = 5
"""How many turns one turn for what the platform calls a program counts."""


class Loops:
    """The breaker of loops.

    A program may use an account like a person's. What gives it away is that it reacts to each reply, and never makes a
    pause: so those reactions are counted in the thread (see `accept`), until it has been quiet there, also those
    that come before the platform's answer to our request. After `turns` of
    them nobody is answered in that thread until it has been quiet; what is said there still becomes history.
    `platforms`: where replies are posted. Where they are not, nobody can react to them.
    """

    def __init__(self, turns: int, platforms: Container[str]) -> None:
        self.turns = turns or NO_LIMIT
        self._platforms = platforms

    def stops(self, claim: Claim, event: Event) -> bool:
        """Whether this event is not to be answered. What was begun is finished."""
        if event.platform not in self._platforms or claim.journal or claim.streak < self.turns:
            return False
        if not claim.looping:
            claim.looping = True
            log.warning(
                "programs seem to answer each other: nobody is answered in this thread until it has been quiet for "
                "LOOP_PAUSE_SECONDS",
                thread=claim.thread,
                turns=claim.streak,
                author=event.author.name or event.author.id,
            )
        return True

    def weight(self, claim: Claim, event: Event) -> int | Literal[""]:
        """What to count for an event that is answered, beside the reactions."""
        if event.author.kind != "bot" or event.platform not in self._platforms:
            return ""
        claim.streak += PROGRAM
        return PROGRAM
