"""Redaction: reduce stored data to what each audience may see.

operator  a key with the scope `admin`, the dashboard: everything except secrets
server    the product's own server, with any other live key: its workspace; general reasons of failures
user      the holder of a user token or a JWT: the threads of one user. As a visitor, and titles and names of agents
visitor   everyone else, mainly holders of a session token: the messages of their thread. No arguments or results of
          tools (unless declared public), no reasons, usage, system text, metadata, agent names, others' attachments
          or attempts

Every route that shows a thread, a message or a stream event passes it through this module. Visitors and
users get an explicit list of fields, so that a new field stays hidden until it is listed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Literal

import msgspec

from answerback.messages import Attachment, Message, ToolCall, Usage
from answerback.store.chats.chat import Chat
from answerback.store.stream.events import (
    DoneEvent,
    ErrorEvent,
    RetrievalEvent,
    RetryEvent,
    ToolCallEvent,
    ToolResultEvent,
    TurnEvent,
)
from answerback.store.stream.stored_events import StoredEvent

from ..context import Principal

Audience = Literal["operator", "server", "user", "visitor"]

OURS = frozenset({"limit", "timeout"})
"""Codes whose reasons we write ourselves. They mention settings and tokens, so visitors do not see them."""

_WORDS = {
    "unreachable": "the agent could not be reached",
    "timeout": "the answer took too long",
    "limit": "the answer went over a limit",
    "invalid_input": "the input is not what the agent expects",
}
VISITORS = {
    "turn": ("turn", "events", "messages"),
    "text": ("turn", "message", "at", "text"),
    "tool_call": ("turn", "id", "name"),
    "tool_result": ("turn", "id", "name"),
    "retrieval": ("turn", "id", "query", "documents"),
    "progress": ("turn", "text"),
    "actions": ("turn", "message", "actions"),
    "retry": ("turn", "reason", "code", "seconds"),
    "done": ("turn", "events", "status", "message", "messages"),
    "error": ("turn", "events", "reason", "code"),
    "gone": ("turn", "reason"),
}
"""The stream events that visitors get, with the fields of each. They get a retrieval only if it is public."""
USERS = VISITORS | {"turn": ("turn", "agent", "events", "messages")}
"""The stream events that users get, with the fields of each."""
PUBLIC_TOOLS = {"tool_call": ("args",), "tool_result": ("result", "outcome")}
"""The fields that visitors and users also get of tools that are declared public."""
_REDACTED: dict[Audience, tuple[str, ...]] = {"operator": ("done",), "server": ("done", "error", "retry")}


def audience(caller: Principal) -> Audience:
    """Return the audience of a caller. Anyone without a live key or a user token is a visitor."""
    if caller.kind == "user" and caller.user is not None:
        return "user"
    if caller.kind != "live":
        return "visitor"
    return "operator" if caller.may("admin") else "server"


def trusted(caller: Principal) -> bool:
    """Return whether a caller is the product's server or an operator, and no end user."""
    return audience(caller) in ("operator", "server")


def reason(caller: Principal, why: str, *, code: str = "agent_failed", turn: str = "") -> str:
    """Return the reason of a failure as the caller may see it.

    The original is the text of an exception, which may contain addresses, queries and credentials.
    """
    who = audience(caller)
    if not why or who == "operator" or (who == "server" and code in OURS):
        return why
    words = _WORDS.get(code, "the agent failed")
    return f"{words}; its operators can see why{f': turn {turn}' if turn else ''}"


def thread(caller: Principal, chat: Chat) -> Chat:
    """Return a thread as the caller may see it."""
    seen = msgspec.structs.replace(chat, error=reason(caller, chat.error))
    if audience(caller) == "user":
        return msgspec.structs.replace(seen, system="", metadata={}, url="")
    if audience(caller) == "visitor":
        # Visitors know the agent that they asked for, and no other that was assigned since.
        agent = "" if chat.reassigned else chat.wanted
        seen = msgspec.structs.replace(seen, agent=agent, system="", metadata={}, user="", url="", title="")
    return seen


def message(caller: Principal, original: Message) -> Message:
    """Return a message of the history as the caller may see it."""
    if trusted(caller):
        return original
    return Message(
        role=original.role,
        text=original.text,
        id=original.id,
        at=original.at,
        turn=original.turn,
        status=original.status,
        agent=original.agent if audience(caller) == "user" else "",
        failed=original.failed,
        tools=original.tools,
        retrievals=tuple(retrieval for retrieval in original.retrievals if retrieval.public),
        attachments=original.attachments if original.visitor else _sent_by_agent(original),
        actions=original.actions,
        input_json=original.input_json if original.visitor else b"",
        output_json=original.output_json,
    )


def _sent_by_agent(message: Message) -> tuple[Attachment, ...]:
    """Return the files of an agent's message."""
    return tuple(each for each in message.attachments if each.file) if message.role == "assistant" else ()


def tool_call(caller: Principal, call: ToolCall) -> dict[str, Any]:
    """Return the fields of a tool call as the caller may see them. End users see only the name, unless it is public."""
    seen = {"id": call.id, "name": call.name, "args": call.args, "result": call.result, "outcome": call.outcome}
    if not trusted(caller):
        if not call.public:
            return seen | {"args": None, "result": None, "outcome": None}
        if call.outcome != "done":
            # The result of a failed tool is the text of an exception.
            return seen | {"result": None}
    return seen


def failed_turn(caller: Principal, event: ErrorEvent) -> ErrorEvent:
    """Return the event of a failed turn with the reason that the caller may see."""
    return msgspec.structs.replace(event, reason=_reason_of(caller, event))


def stream_event(caller: Principal, stored: StoredEvent) -> StoredEvent | None:
    """Return a stream event as the caller may see it; None to hide it."""
    who = audience(caller)
    if who in ("user", "visitor"):
        return _for_end_user(caller, stored, USERS if who == "user" else VISITORS)
    # Most events are not decoded here: a stream may have thousands of readers.
    if stored.kind not in _REDACTED[who]:
        return stored
    match stored.event:
        case DoneEvent(usage=Usage() as usage) as done:
            # Counts of 0 are not stored.
            seen = msgspec.structs.asdict(done) | {"usage": msgspec.structs.asdict(usage)}
        case RetryEvent() | ErrorEvent() as event:
            seen = msgspec.structs.asdict(event) | {"reason": _reason_of(caller, event)}
        case _:
            return stored
    return _with(stored, seen)


async def redacted(caller: Principal, events: AsyncGenerator[StoredEvent, None]) -> AsyncGenerator[StoredEvent, None]:
    """Yield stream events as the caller may see them."""
    async with aclosing(events):
        async for stored in events:
            if seen := stream_event(caller, stored):
                yield seen


def _for_end_user(caller: Principal, stored: StoredEvent, shown: Mapping[str, tuple[str, ...]]) -> StoredEvent | None:
    fields = shown.get(stored.kind)
    if fields is None or (isinstance(stored.event, RetrievalEvent) and stored.event.public is not True):
        return None
    seen = {name: getattr(stored.event, name) for name in fields}
    match stored.event:
        case TurnEvent() as event:
            seen["messages"] = [{"id": message.id, "text": message.text} for message in event.messages]
        case RetryEvent() | ErrorEvent() as event:
            seen["reason"] = _reason_of(caller, event)
        case ToolCallEvent(public=True) | ToolResultEvent(public=True) as event:
            seen |= {name: getattr(event, name) for name in PUBLIC_TOOLS[stored.kind]}
            if seen.get("outcome", "done") != "done":
                # The result of a failed tool is the text of an exception.
                seen["result"] = None
    return _with(stored, seen)


def _with(stored: StoredEvent, fields: dict[str, Any]) -> StoredEvent:
    return StoredEvent(stored.id, stored.kind, msgspec.json.encode(fields))


def _reason_of(caller: Principal, event: RetryEvent | ErrorEvent) -> str:
    return reason(caller, event.reason, code=event.code, turn=event.turn)
