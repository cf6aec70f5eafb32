"""Bot loops: limits how long programs answer each other in a thread, and warns the operator."""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from answerback.events import Event
from answerback.log import get_logger
from answerback.store.threads.records import NO_LIMIT, Claim

log = get_logger(__name__)

PROGRAM = 5
"""Weight of a turn for an account that the platform marks as a bot."""


class Loops:
    """Detects bot loops.

    A program may use an ordinary account, but it reacts to every reply without a pause. So reactions are counted per
    thread (see `accept`) until it has been quiet, including those that arrive before the platform's response to our
    request. After `turns` of them, no message in the thread is answered until it has been quiet; messages still become
    history.

    Args:
        platforms: Platforms that replies are posted to; elsewhere there can be no reactions.
    """

    def __init__(self, turns: int, platforms: Container[str]) -> None:
        self.turns = turns or NO_LIMIT
        self._platforms = platforms

    def stops(self, claim: Claim, event: Event) -> bool:
        """Return whether this event is not to be answered. A turn that has begun is completed."""
        if event.platform not in self._platforms or claim.journal or claim.streak < self.turns:
            return False
        if not claim.looping:
            claim.looping = True
            log.warning(
                "programs seem to answer each other; no replies in this thread until it has been quiet for "
                "LOOP_PAUSE_SECONDS",
                thread=claim.thread,
                turns=claim.streak,
                author=event.author.name or event.author.id,
            )
        return True

    def weight(self, claim: Claim, event: Event) -> int | Literal[""]:
        """Return what an answered event adds to the streak, in addition to reactions."""
        if event.author.kind != "bot" or event.platform not in self._platforms:
            return ""
        claim.streak += PROGRAM
        return PROGRAM
