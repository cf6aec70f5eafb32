"""Which waiting events one turn answers together, as its agent's arrival mode demands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

import msgspec

from answerback.agents import Agent
from answerback.agents.routing import joins
from answerback.events import Arrival, Event
from answerback.messages import Identity
from answerback.pressing import numbered
from answerback.store.decode import Unreadable
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable

AT_ONCE = 50
"""Maximum number of events that one turn answers."""


def read_numbers(claim: Claim) -> None:
    """Replace each waiting number by the press of what the last answer offers under it."""
    if any(entry.event.choice for entry in claim.entries):
        claim.entries = [
            msgspec.structs.replace(entry, event=numbered(claim.history, entry.event)) for entry in claim.entries
        ]


async def add_waiting(threads: Threads, claim: Claim, agent: Agent, arrival: Arrival) -> bool:
    """Add more waiting events to the turn if the agent wants that. Return False while it debounces."""
    begun = claim.journal or claim.shown or claim.crashes
    if arrival in ("queue", "drop") or begun:
        return True
    quiet = await retry_while_unavailable(
        threads.take_more_events, claim, AT_ONCE, interruptible=arrival == "interrupt"
    )
    if arrival == "debounce" and quiet < agent.quiet and len(claim.entries) < AT_ONCE:
        await retry_while_unavailable(threads.release, claim, "handed back", delay=agent.quiet - quiet)
        return False
    return True


def keep_together(
    claim: Claim, agent: Agent, answers: Callable[[Event], Agent | None], identity: Identity | None
) -> None:
    """Keep the claimed events for the same agent that may be answered together; leave the rest to the next turn."""
    if len(claim.entries) > 1:
        together = takewhile(
            lambda entry: not isinstance(entry, Unreadable) and joins(entry.event, agent, answers, identity=identity),
            claim.entries[1:],
        )
        claim.entries = [claim.entries[0], *together]
