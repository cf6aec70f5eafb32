"""The state of the turn that answers an event: waiting, running, retrying, handled or dead."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from answerback.messages import Message, TurnEnd
from answerback.replies import DeadLetter, Reply
from answerback.store import decode, keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import end_of
from answerback.store.threads.views import ThreadSummary, thread_summary

_PAGE = 100
_NUMBER = re.compile(r"[0-9]+")


class TurnState(msgspec.Struct, frozen=True, kw_only=True):
    """A turn, from its event's arrival to its last reply.

    Attributes:
        id: The dispatch id.
        state: Waiting (for a worker, or for the `before` earlier events), running, retrying, handled (committed), dead
            (`letter` has the reason).
        messages: Messages that its commit added to the history; none if no agent listens there.
        replies: Replies it added to the outbox, each with its own state.
        end: How it ended; None if it has not, or its end is not recorded.
    """

    id: str
    thread: ThreadSummary
    state: Literal["waiting", "running", "retrying", "handled", "dead"]
    before: int = 0
    messages: list[Message] = []
    replies: list[Reply] = []
    letter: DeadLetter | None = None
    end: TurnEnd | None = None


async def turn_state(letters: DeadLetters, threads: Threads, thread: str, id: str) -> TurnState | None:
    """Return the turn with dispatch id `id` in `thread`; None if the thread does not exist."""
    summary = await thread_summary(threads, thread)
    if summary is None:
        return None
    p = await threads.locate(thread)
    # Read atomically: an event leaves the inbox in the same operation that adds to the history.
    inbox, outbox, length = await threads.database.together(
        ("LRANGE", keys.inbox(p, thread), 0, -1),
        ("HVALS", keys.outbox(p, thread)),
        ("LLEN", keys.history(p, thread)),
    )
    all_replies = [decode.reply(raw, thread) for raw in outbox]
    replies = sorted((r for r in all_replies if r.key.startswith(f"{id}.")), key=lambda reply: _order(reply.key))
    waiting = [decode.entry(raw, thread).event.id for raw in inbox]
    if id in waiting:
        before = waiting.index(id)
        state = "waiting" if before or summary.state == "idle" else summary.state
        return TurnState(id=id, thread=summary, state=state, before=before, replies=replies)
    end = await end_of(threads, thread, id)
    if letter := await letters.get(id):
        return TurnState(id=id, thread=summary, state="dead", replies=replies, letter=letter[0], end=end)
    messages = await _committed(threads, thread, end.turn if end else id, length)
    return TurnState(id=id, thread=summary, state="handled", messages=messages, replies=replies, end=end)


async def _committed(threads: Threads, thread: str, turn: str, length: int) -> list[Message]:
    """Return a turn's messages. They are contiguous and most likely at the end of the history."""
    messages: list[Message] = []
    history = keys.history(await threads.locate(thread), thread)
    for end in range(length, 0, -_PAGE):
        raw = await threads.database.call("LRANGE", history, max(0, end - _PAGE), end - 1)
        page = [decode.message(each) for each in raw]
        messages = [message for message in page if message.turn == turn] + messages
        if messages and page[0].turn != turn:
            break
    return messages


def _order(key: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(key.partition(".")[2])]
