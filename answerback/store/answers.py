"""What became of one message of a thread: it waits, or it was answered."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.messages import Message
from answerback.store import keys
from answerback.store.threads import Threads, _entry, _message

PAGE = 100
LOOK = 2000
"""Messages of the history that are looked at, at most."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The turn that answered a message, and what we said in it; "ignored" when nobody answered."""

    turn: str
    status: Literal["completed", "cancelled", "dropped", "ignored"]
    messages: list[Message] = []


async def answer(threads: Threads, thread: str, event: str, turn: str = "") -> Answer | None:
    """How the message of dispatch id `event` was answered; None while it waits or its turn runs.

    `turn` is the one that answered it, where that is known: the history does not tell of one that was interrupted
    before it had said anything.
    """
    p = threads.partition(thread)
    history = keys.history(p, thread)
    # In one step: an event leaves the inbox in the step that adds to the history.
    inbox, length = await threads.database.together(("LRANGE", keys.inbox(p, thread), 0, -1), ("LLEN", history))
    if any(event == each.id for raw in inbox for each in _entry(raw).events):
        return None
    found: list[Message] = []
    for end in range(length, max(0, length - LOOK), -PAGE):
        raw = await threads.database.call("LRANGE", history, max(0, end - PAGE), end - 1)
        found = [_message(each) for each in raw] + found
        for place, message in enumerate(found[:PAGE]):
            if message.role == "user" and message.id == event:
                return _answered(found[place:], turn)
    return Answer(turn=turn or event, status="ignored")


def _answered(since: list[Message], known: str) -> Answer:
    asked, turn = since[0], known or since[0].turn
    cut = {message.turn for message in since if message.status == "interrupted"}
    for message in since:
        # What was interrupted was answered by the turn that came next.
        if turn in cut:
            turn = message.turn
    if asked.status == "dropped":
        return Answer(turn=turn, status="dropped")
    said = [message for message in since if message.turn == turn and message.role == "assistant"]
    cancelled = bool(said) and said[-1].status == "cancelled"
    return Answer(turn=turn, status="cancelled" if cancelled else "completed", messages=said)
