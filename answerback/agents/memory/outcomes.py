"""Stores the outcomes of turns in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from answerback.agents.memory.clock import Clock
from answerback.agents.memory.records import Records
from answerback.agents.memory.stream import MemoryStream, StreamLog
from answerback.agents.outcome import (
    Status,
    Unanswered,
    dead_letter,
    done_event,
    earlier_messages,
    ended,
    failed,
    failure_code,
    replaced,
    turn_outcome,
    user_messages,
)
from answerback.agents.turn import Turn
from answerback.errors import TurnError, in_a_line
from answerback.events import Entry, Event
from answerback.http.retry_after import seconds_requested
from answerback.store.stream.events import ErrorEvent, RetryEvent


class Outcomes:
    """Ends turns.

    Args:
        attempts: Failed attempts after which a turn fails for good.

    Attributes:
        errors: What agents raised in turns that failed for good, by the dispatch ids of their events.
    """

    def __init__(self, records: Records, stream: StreamLog, clock: Clock, attempts: int) -> None:
        self._records = records
        self._stream = stream
        self._clock = clock
        self._attempts = attempts
        self.errors: dict[str, Exception] = {}

    def complete(self, turn: Turn, handled: int, status: Status, stream: MemoryStream, state: bytes) -> None:
        """End a turn that was completed or stopped. `handled`: the entries of the inbox that it answers."""
        records = self._records
        if status != "completed":
            turn.recall_rest()
        partial = "" if status == "completed" else stream.partial(len(turn.replies))
        messages, end = turn_outcome(turn, status, at=self._clock.now(), partial=partial)
        old = replaced(turn.earlier)
        if status == "interrupted":
            records.interrupt(end, messages, old)
        else:
            replies = [reply for each in turn.replies for reply in each.parts]
            records.commit(
                handled,
                end,
                messages,
                replaced=old,
                replies=replies,
                agent=turn.agent,
                state=state,
                attention=turn.attention,
            )
        self._stream.extend(stream.take())
        self._stream.append(done_event(end))

    def leave_unanswered(
        self, events: Sequence[Event], status: Unanswered, *, keep: bool = True, reason: str = ""
    ) -> None:
        """End the turn of events that no agent answers. `keep`: whether they become history."""
        records, turn = self._records, events[-1].id
        marked: Literal["", "dropped"] = "dropped" if status == "dropped" else ""
        earlier = earlier_messages(records.history, events)
        messages = user_messages(earlier, events, turn, marked) if keep else []
        end = ended(turn, events, status, messages, at=self._clock.now(), reason=reason)
        records.commit(1, end, messages, replaced=replaced(earlier), agent=records.agent, state=b"")
        self._stream.append(done_event(end))

    def fail(self, turn: Turn, entries: Sequence[Entry], error: Exception) -> None:
        """End an attempt that failed. Raises the error if another attempt is to follow."""
        records, reason = self._records, in_a_line(error)
        if isinstance(error, TurnError) or records.attempt - records.crashes >= self._attempts:
            return self.fail_for_good(entries, error, reason, turn)
        if not records.journal:
            records.taken = 0
        seconds = seconds_requested(error) or 0.0
        records.not_before = self._clock.now() + round(seconds * 1000)
        self._stream.append(
            RetryEvent(
                turn=turn.id,
                reason=reason,
                code=failure_code(error),
                attempt=records.attempt,
                seconds=seconds,
            )
        )
        raise error

    def fail_for_good(self, entries: Sequence[Entry], error: Exception, reason: str, turn: Turn | None = None) -> None:
        """Make the events of a turn a dead letter. `turn`: the turn, if it has begun."""
        records, code = self._records, failure_code(error)
        events = [event for entry in entries for event in entry.events]
        journal = {name: record for entry in entries for name, record in entry.journal.items()} | records.journal
        agent, usage = (turn.agent, turn.usage) if turn else (records.agent, None)
        letter = dead_letter(events, journal, reason, attempts=records.attempt, agent=agent, error=error)
        end = ended(letter.id, events, "failed", at=self._clock.now(), usage=usage, code=code, reason=reason)
        records.add_dead_letter(
            len(entries),
            end,
            failed(events, code),
            replaced=earlier_messages(records.history, events),
            letter=letter,
            entry=Entry(events[-1], journal, tuple(events[:-1])),
        )
        self.errors |= {event.id: error for event in events}
        self._stream.append(ErrorEvent(turn=letter.id, events=end.events, reason=reason, code=code))
