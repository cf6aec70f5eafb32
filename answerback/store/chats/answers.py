"""What became of one message of a thread: it waits, or how the turn ended that was to answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from answerback.messages import Message, TurnEnd, Usage
from answerback.store import decode, keys
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import end_of

PAGE = 100
LOOK = 2000
"""Messages of the history that are looked at, at most."""

Ended = Literal["completed", "cancelled", "dropped", "ignored", "failed"]


class TurnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The turn that answered a message, how it ended, and what we said in it; "ignored" when nobody answered.

    usage         what it cost
    code, reason  of one that failed, as in `TurnEnd`
    """

    turn: str
    status: Ended
    messages: list[Message] = []
    usage: Usage | None = None
    code: str = ""
    reason: str = ""


async def answer(threads: Threads, thread: str, event: str, turn: str = "") -> TurnAnswer | None:
    """How the message of dispatch id `event` was answered; None while it waits or its turn runs.

    The end of its turn is recorded. Where it is not (it ended long ago, or before ends were recorded), the history
    tells as much as it can; `turn` is the one that answered it, if that is known.
    """
    p = threads.partition(thread)
    history = keys.history(p, thread)
    # In one step: an event leaves the inbox in the step that adds to the history.
    inbox, length = await threads.database.together(("LRANGE", keys.inbox(p, thread), 0, -1), ("LLEN", history))
    if any(event == each.id for raw in inbox for each in decode.entry(raw, thread).events):
        return None
    end = await end_of(threads, thread, event)
    if end is not None and not end.messages:
        return _recorded(end, [])
    found: list[Message] = []
    for last in range(length, max(0, length - LOOK), -PAGE):
        raw = await threads.database.call("LRANGE", history, max(0, last - PAGE), last - 1)
        found = [decode.message(each) for each in raw] + found
        if end is not None:
            said = [message for message in found if message.id in end.messages]
            if len(said) == len(end.messages):
                return _recorded(end, said)
            continue
        for place, message in enumerate(found[:PAGE]):
            if message.role == "user" and message.id == event:
                return _inferred(found[place:], turn)
    if end is not None:
        return _recorded(end, [message for message in found if message.id in end.messages])
    return TurnAnswer(turn=turn or event, status="ignored")


def _recorded(end: TurnEnd, said: Sequence[Message]) -> TurnAnswer:
    # What was interrupted is answered by the next turn: this one is the last where its thread was emptied meanwhile.
    status: Ended = "cancelled" if end.status == "interrupted" else end.status
    return TurnAnswer(
        turn=end.turn, status=status, messages=list(said), usage=end.usage, code=end.code, reason=end.reason
    )


def _inferred(since: list[Message], known: str) -> TurnAnswer:
    asked, turn = since[0], known or since[0].turn
    cut = {message.turn for message in since if message.status == "interrupted"}
    for message in since:
        # What was interrupted was answered by the turn that came next.
        if turn in cut:
            turn = message.turn
    if asked.failed:
        return TurnAnswer(turn=turn, status="failed", code=asked.failed)
    if asked.status == "dropped":
        return TurnAnswer(turn=turn, status="dropped")
    said = [message for message in since if message.turn == turn and message.role == "assistant"]
    cancelled = asked.status == "cancelled" or (bool(said) and said[-1].status == "cancelled")
    return TurnAnswer(turn=turn, status="cancelled" if cancelled else "completed", messages=said)
