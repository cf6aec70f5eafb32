"""The outcome of a turn: its messages for the history, its end, its replies."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Literal

import msgspec

from answerback.agents.presses import press_of
from answerback.agents.turn import Turn
from answerback.agents.turn_record import TurnReply
from answerback.errors import AgentUnreachable, TurnError, storable
from answerback.events import Event
from answerback.messages import Attachment, Message, TurnEnd, Usage, general_reason
from answerback.outgoing import ReplyContent
from answerback.replies import DeadLetter, Reply
from answerback.steps import finished_steps, unknown_steps
from answerback.store.stream.events import DoneEvent

Unanswered = Literal["dropped", "ignored"]
Status = Literal["completed", "cancelled", "interrupted"] | Unanswered

_id = attrgetter("id")


def turn_outcome(
    turn: Turn, status: Status, *, at: int, partial: str = "", last: Sequence[Reply] = ()
) -> tuple[list[Message], TurnEnd]:
    """Return what a turn that has ended leaves in its thread: its messages, and the record of its end."""
    messages = turn_messages(turn, at, partial=partial, last=last, status=status)
    return messages, ended(turn.id, turn.events, status, messages, at=at, usage=turn.usage)


def turn_messages(
    turn: Turn, now: int, *, partial: str = "", last: Sequence[Reply] = (), status: Status
) -> list[Message]:
    """Return the messages of a turn, by user and agent.

    `partial`: an unfinished message of a stopped turn; `last`: its replies, if the platform shows it.
    """
    messages = user_messages(turn.earlier, turn.events, turn.id)
    stopped: Literal["", "cancelled", "interrupted"] = status if status in ("cancelled", "interrupted") else ""
    texts = [*turn.replies, TurnReply(partial, last)] if partial else turn.replies
    first = len(messages)
    usage, tools = turn.usage, tuple(turn.tools)
    for number, (text, replies, content) in enumerate(texts):
        if content is not None or text.strip():
            messages.append(
                Message(
                    id=f"{turn.id}.{number}",
                    role="assistant",
                    text=text,
                    at=now,
                    turn=turn.id,
                    reply=replies[0].key if replies else "",
                    agent=turn.agent,
                    status=stopped if number == len(turn.replies) else "",
                )
            )
            if content is not None:
                messages[-1] = _with_content(messages[-1], content)
    retrievals = tuple(turn.retrievals)
    if (tools or usage or retrievals) and len(messages) > first:
        messages[-1] = msgspec.structs.replace(messages[-1], tools=tools, usage=usage, retrievals=retrievals)
    if status == "cancelled" and len(messages) == first:
        # No answer yet: mark the user's messages as cancelled.
        messages = [msgspec.structs.replace(message, status="cancelled") for message in messages]
    if turn.output_json and len(messages) > first:
        messages[-1] = msgspec.structs.replace(messages[-1], output_json=turn.output_json)
    if turn.model and messages:
        messages[-1] = msgspec.structs.replace(messages[-1], model=turn.model)
    return messages


def _with_content(message: Message, content: ReplyContent) -> Message:
    files = [
        Attachment(name=file.name, content_type=file.content_type, file=file.file, size=file.size)
        for file in content.files
    ]
    return msgspec.structs.replace(message, actions=content.actions, attachments=tuple(files))


def user_messages(
    earlier: Sequence[Message], events: Sequence[Event], turn: str, status: Literal["", "dropped"] = ""
) -> list[Message]:
    """Return the users' messages, without those that an interrupted turn already left in the history."""
    kept = {message.id for message in earlier if not message.failed}
    return [user_message(event, turn, status=status) for event in events if event.id not in kept]


def user_message(event: Event, turn: str, *, status: Literal["", "dropped"] = "", failed: str = "") -> Message:
    """Return what a user sent as a message of the history. `failed`: the code of the error that ended its turn."""
    return Message(
        id=event.id,
        role="user",
        text=event.text,
        at=event.at,
        turn=turn,
        author=event.author,
        message=event.message,
        attachments=event.attachments,
        order=event.order,
        visitor=event.visitor,
        input_json=event.input_json,
        status=status,
        failed=failed,
        pressed=press_of(event) if event.action else "",
    )


def earlier_messages(history: Sequence[Message], events: Sequence[Event]) -> list[Message]:
    """Return the messages of these events that are in the history already.

    A turn that was interrupted leaves them to the next turn, a turn that failed leaves them marked as failed.
    """
    ids = {event.id for event in events}
    if ids.isdisjoint(map(_id, history)):
        return []  # as most often, and much faster to find out
    return [message for message in history if message.id in ids and message.role == "user"]


def failed(events: Sequence[Event], code: str) -> list[Message]:
    """Return the users' messages of a turn that failed permanently: they stay in the thread."""
    return [user_message(event, events[-1].id, failed=code) for event in events]


def replaced(earlier: Sequence[Message]) -> list[Message]:
    """Return those of a turn's earlier messages that its new ones replace: they failed, and are answered now."""
    return [message for message in earlier if message.failed]


def ended(
    turn: str,
    events: Sequence[Event],
    status: Status | Literal["failed"],
    messages: Sequence[Message] = (),
    *,
    at: int,
    usage: Usage | None = None,
    code: str = "",
    reason: str = "",
) -> TurnEnd:
    """Return the record of how a turn ended. Of a failure, only the part of `reason` that anyone may read is kept."""
    return TurnEnd(
        turn=turn,
        events=tuple([event.id for event in events]),
        status=status,
        messages=tuple([message.id for message in messages if message.role == "assistant"]),
        usage=usage,
        code=code,
        reason=general_reason(code, reason) if code else reason,
        at=at,
    )


def done_event(end: TurnEnd) -> DoneEvent:
    """Return the stream event that ends a turn."""
    return DoneEvent(
        turn=end.turn,
        events=end.events,
        status=end.status,
        message=end.messages[-1] if end.messages else "",
        messages=end.messages,
        usage=end.usage,
        reason=end.reason,
    )


def failure_code(error: Exception) -> str:
    """Return the code of the exception with which an agent failed."""
    return error.code if isinstance(error, TurnError | AgentUnreachable) else "agent_failed"


def dead_letter(
    events: Sequence[Event],
    journal: Mapping[str, bytes],
    reason: str,
    *,
    attempts: int,
    agent: str,
    error: Exception | None = None,
) -> DeadLetter:
    """Return the dead letter of a turn's events."""
    return DeadLetter(
        id=events[-1].id,
        kind="event",
        thread=events[-1].thread,
        reason=reason,
        error=type(error).__name__ if error else "",
        traceback=storable("".join(traceback.format_exception(error))) if error else "",
        attempts=attempts,
        agent=agent,
        done=finished_steps(journal),
        unknown=unknown_steps(journal),
    )
