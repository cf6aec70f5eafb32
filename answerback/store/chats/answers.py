"""How a message of a thread was answered: it is waiting, or the end of the turn that answered it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import msgspec

from answerback.messages import Message, TurnEnd, Usage
from answerback.store import decode, keys
from answerback.store.stream.events import DoneEvent
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import end_of

PAGE = 100
LOOK = 2000
"""Maximum number of history messages to search."""

Ended = Literal["completed", "cancelled", "dropped", "ignored", "failed"]


class TurnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The turn that answered a message, how it ended, and our messages in it; "ignored" if no agent answered.

    Attributes:
        usage: Model usage of the turn.
        code: Of a failed turn, as in `TurnEnd`.
        reason: Of a failed turn, and of a message that no agent answers, as in `TurnEnd`.
    """

    turn: str
    status: Ended
    messages: list[Message] = []
    usage: Usage | None = None
    code: str = ""
    reason: str = ""


async def answer_of(threads: Threads, thread: str, event: str, done: DoneEvent) -> TurnAnswer | None:
    """Return how the message with dispatch id `event` was answered by a turn that has just ended."""
    status = cast(Ended, done.status)
    if not done.messages:
        return TurnAnswer(turn=done.turn, status=status, usage=done.usage, reason=done.reason)
    name = keys.history(await threads.locate(thread), thread)
    # Fewer than ten messages have been committed since, unless the thread is very busy.
    newest = await threads.database.call("LRANGE", name, -len(done.messages) - 10, -1)
    messages = [message for message in map(decode.message, newest) if message.id in done.messages]
    if len(messages) != len(done.messages):
        return await answer(threads, thread, event, done.turn)
    return TurnAnswer(turn=done.turn, status=status, messages=messages, usage=done.usage, reason=done.reason)


async def answer(threads: Threads, thread: str, event: str, turn: str = "") -> TurnAnswer | None:
    """Return how the message with dispatch id `event` was answered; None while it waits or its turn is running.

    If the turn's end is not recorded (it ended long ago, or before ends were recorded), the result is inferred from the
    history; `turn` is the id of the turn that answered it, if known.
    """
    p = await threads.locate(thread)
    history = keys.history(p, thread)
    # Read atomically: an event leaves the inbox in the same operation that adds to the history.
    inbox, length = await threads.database.together(("LRANGE", keys.inbox(p, thread), 0, -1), ("LLEN", history))
    if any(event == each.id for raw in inbox for each in decode.entry(raw, thread).events):
        return None
    end = await end_of(threads, thread, event)
    if end is not None and not end.messages:
        return _recorded(end, [])
    messages: list[Message] = []
    for last in range(length, max(0, length - LOOK), -PAGE):
        raw = await threads.database.call("LRANGE", history, max(0, last - PAGE), last - 1)
        messages = [decode.message(each) for each in raw] + messages
        if end is not None:
            ours = [message for message in messages if message.id in end.messages]
            if len(ours) == len(end.messages):
                return _recorded(end, ours)
            continue
        for place, message in enumerate(messages[:PAGE]):
            if message.role == "user" and message.id == event:
                return _inferred(messages[place:], turn)
    if end is not None:
        return _recorded(end, [message for message in messages if message.id in end.messages])
    return TurnAnswer(turn=turn or event, status="ignored")


def _recorded(end: TurnEnd, messages: Sequence[Message]) -> TurnAnswer:
    # An interrupted turn's events are answered by the next turn; here there is none, as the thread was emptied since.
    status: Ended = "cancelled" if end.status == "interrupted" else end.status
    return TurnAnswer(
        turn=end.turn, status=status, messages=list(messages), usage=end.usage, code=end.code, reason=end.reason
    )


def _inferred(since: list[Message], turn_id: str) -> TurnAnswer:
    question, turn = since[0], turn_id or since[0].turn
    interrupted = {message.turn for message in since if message.status == "interrupted"}
    for message in since:
        # The events of an interrupted turn were answered by the next turn.
        if turn in interrupted:
            turn = message.turn
    if question.failed:
        return TurnAnswer(turn=turn, status="failed", code=question.failed)
    if question.status == "dropped":
        return TurnAnswer(turn=turn, status="dropped")
    ours = [message for message in since if message.turn == turn and message.role == "assistant"]
    cancelled = question.status == "cancelled" or (bool(ours) and ours[-1].status == "cancelled")
    return TurnAnswer(turn=turn, status="cancelled" if cancelled else "completed", messages=ours)
