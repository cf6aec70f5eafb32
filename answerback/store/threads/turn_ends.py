"""How turns ended, as the steps that ended them wrote it down: nobody has to infer it from what was said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.messages import Entry, Event, Message, TurnEnd
from answerback.store import keys
from answerback.store.decode import readable
from answerback.store.threads.threads import Threads

_end = msgspec.msgpack.Decoder(TurnEnd)

NEWEST = 20
"""Ends that are looked at first: what is asked for has most likely just ended."""

_WORDS = {
    "unreachable": "the agent could not be reached",
    "timeout": "the answer took too long",
    "limit": "the answer went over a limit",
}
OURS = frozenset({"limit", "timeout"})
"""Codes whose reasons are our own words."""


def general(code: str, reason: str) -> str:
    """Why a turn failed, in words that anybody may read. An exception's text is not: it may hold anything."""
    if code in OURS and reason:
        return reason
    return _WORDS.get(code, "the agent failed")


async def end_of(threads: Threads, thread: str, event: str) -> TurnEnd | None:
    """How the last turn ended that was to answer an event; None where none did, or nothing is recorded of it.

    Of a turn that ended long ago, or before ends were recorded, only the history tells.
    """
    name = keys.ends(threads.partition(thread), thread)
    for first, last in ((-NEWEST, -1), (0, -NEWEST - 1)):
        found = await threads.database.call("LRANGE", name, first, last)
        for end in readable(_end, reversed(found)):
            if event in end.events:
                return end
        if len(found) < NEWEST:
            break
    return None


def merged(messages: Sequence[Message], entries: Sequence[Entry]) -> tuple[list[Message], list[Event]]:
    """What was said, and what waits, each message once.

    What an interrupted turn left in the history stands there, and is not among what waits. What failed, and was put
    back, waits again, or was answered after all.
    """
    events = [event for entry in entries for event in entry.events]
    again = {event.id for event in events} | {m.id for m in messages if m.role == "user" and not m.failed}
    shown = [message for message in messages if not (message.failed and message.id in again)]
    known = {message.id for message in shown}
    return shown, [event for event in events if event.id not in known]
