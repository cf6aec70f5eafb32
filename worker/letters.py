"""What is written about a turn that failed for good."""

from __future__ import annotations

import traceback

from answerback.agents import Turn
from answerback.errors import storable
from answerback.messages import DeadLetter, Entry
from answerback.steps import finished_steps, unknown_steps
from answerback.store import Claim


def letter(
    claim: Claim, why: str, *, attempts: int, agent: str = "", turn: Turn | None = None, error: Exception | None = None
) -> tuple[DeadLetter, Entry]:
    """The dead letter of a claim's events, and what a replay puts back: the events with their finished steps."""
    events = claim.events
    earlier = {name: record for entry in claim.entries for name, record in entry.journal.items()}
    journal = {**earlier, **claim.journal, **(turn.journal.raw if turn else {})}
    found = DeadLetter(
        id=events[-1].id,
        kind="event",
        thread=claim.thread,
        reason=why,
        error=type(error).__name__ if error else "",
        traceback=storable("".join(traceback.format_exception(error))) if error else "",
        attempts=attempts,
        agent=agent or claim.agent,
        done=finished_steps(journal),
        unknown=unknown_steps(journal),
    )
    return found, Entry(events[-1], journal, tuple(events[:-1]))
