"""Dead-lettering a turn that failed permanently."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.agents import Turn
from answerback.agents.outcome import dead_letter, earlier_messages, ended, failed
from answerback.events import Entry
from answerback.log import get_logger
from answerback.messages import Usage
from answerback.replies import DeadLetter
from answerback.steps import finished_steps, unknown_steps
from answerback.store.decode import Unreadable, unreadable_reason
from answerback.store.stream.events import EncodedEvent, ErrorEvent, encode_event
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable
from .shown_replies import concluded

log = get_logger(__name__)


def letter(
    claim: Claim,
    reason: str,
    *,
    attempts: int,
    agent: str = "",
    turn: Turn | None = None,
    error: Exception | None = None,
) -> tuple[DeadLetter, Entry]:
    """Return the dead letter of a claim's events and the entry a replay puts back: the events and finished steps."""
    events = claim.events
    earlier = {name: record for entry in claim.entries for name, record in entry.journal.items()}
    journal = {**earlier, **claim.journal, **(turn.journal.raw if turn else {})}
    dead = dead_letter(events, journal, reason, attempts=attempts, agent=agent or claim.agent, error=error)
    return dead, Entry(events[-1], journal, tuple(events[:-1]), trace=claim.entries[0].trace)


async def move_to_dead_letters(
    threads: Threads,
    claim: Claim,
    letter: DeadLetter,
    entry: Entry,
    code: str,
    stream_events: Sequence[EncodedEvent] = (),
    *,
    usage: Usage | None = None,
) -> None:
    """Move the events of a failed turn to the dead letters; the users' messages stay in the thread."""
    events = entry.events
    if claim.live:
        ids = tuple(event.id for event in events)
        error = ErrorEvent(turn=entry.event.id, events=ids, reason=letter.reason, code=code)
        stream_events = [*stream_events, encode_event(error)]
    await retry_while_unavailable(
        threads.dead_letter,
        claim,
        letter,
        entry,
        handled=len(entry.raw) if isinstance(entry, Unreadable) else len(claim.entries),
        end=ended(letter.id, events, "failed", at=threads.now, usage=usage, code=code, reason=letter.reason),
        replaced=earlier_messages(claim.history, events),
        messages=failed(events, code),
        stream_events=stream_events,
        replies=concluded(claim, ()),
    )


def unreadable_letter(claim: Claim, entry: Unreadable) -> tuple[DeadLetter, Unreadable]:
    """Return the dead letter of events this version cannot read, and the entry that is kept."""
    reason = unreadable_reason(entry.why)
    log.error("unreadable event moved to the dead letters", thread=claim.thread, turn=entry.event.id, reason=reason)
    dead_letter = DeadLetter(
        id=entry.event.id,
        kind="event",
        thread=claim.thread,
        reason=reason,
        attempts=claim.attempt,
        agent=claim.agent,
        done=finished_steps(claim.journal),
        unknown=unknown_steps(claim.journal),
        unreadable=True,
    )
    return dead_letter, entry
