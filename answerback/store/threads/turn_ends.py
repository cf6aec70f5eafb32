"""Recorded turn ends, so that they need not be inferred from the history."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.codec import decoder, readable
from answerback.events import Entry, Event
from answerback.messages import Message, TurnEnd
from answerback.store import keys
from answerback.store.threads.threads import Threads

decode_turn_end = decoder(TurnEnd)

NEWEST = 20
"""Ends that are searched first: a requested turn has most likely ended recently."""


async def end_of(threads: Threads, thread: str, event: str) -> TurnEnd | None:
    """Return how the last turn for an event ended; None if none has, or its end is not recorded.

    For turns that ended long ago, or before ends were recorded, only the history remains.
    """
    name = keys.turn_ends(await threads.locate(thread), thread)
    for first, last in ((-NEWEST, -1), (0, -NEWEST - 1)):
        ends = await threads.database.call("LRANGE", name, first, last)
        for end in readable(decode_turn_end, reversed(ends)):
            if event in end.events:
                return end
        if len(ends) < NEWEST:
            break
    return None


def merged(messages: Sequence[Message], entries: Sequence[Entry]) -> tuple[list[Message], list[Event]]:
    """Return the messages and the waiting events, with each message only once.

    A message that an interrupted turn left in the history is not repeated among the waiting events. A failed message
    is left out if it was replayed: it is waiting again or was answered.
    """
    events = [event for entry in entries for event in entry.events]
    again = {event.id for event in events} | {m.id for m in messages if m.role == "user" and not m.failed}
    shown = [message for message in messages if not (message.failed and message.id in again)]
    shown_ids = {message.id for message in shown}
    return shown, [event for event in events if event.id not in shown_ids]
