"""Redaction: reduce stored data to what each audience may see.

operator  a key with the scope `admin`, the dashboard: everything except secrets
server    the product's own server, with any other live key: its workspace; general reasons of failures
visitor   everyone else, mainly holders of a session token: the messages of their thread. No arguments or results of
          tools (unless declared public), no reasons, usage, system text, metadata, agent names, attachments of others
          or attempts

Every route that shows a thread, a message or a stream event passes it through this module. Visitors get an explicit
list of fields, so that a new field stays hidden until it is listed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec

from answerback.messages import Message, ToolCall
from answerback.store.chats.chat import Chat
from answerback.store.stream.stored_events import StoredEvent, stream_event

from ..context import Principal

Audience = Literal["operator", "server", "visitor"]

OURS = frozenset({"limit", "timeout"})
"""Codes whose reasons we write ourselves. They mention settings and tokens, so visitors do not see them."""

_WORDS = {
    "unreachable": "the agent could not be reached",
    "timeout": "the answer took too long",
    "limit": "the answer went over a limit",
}
VISITORS = {
    "turn": ("turn", "events", "messages"),
    "text": ("turn", "message", "at", "text"),
    "tool_call": ("turn", "id", "name"),
    "tool_result": ("turn", "id", "name"),
    "retry": ("turn", "reason", "code", "seconds"),
    "done": ("turn", "events", "status", "message", "messages"),
    "error": ("turn", "events", "reason", "code"),
    "gone": ("turn", "reason"),
}
"""The stream events that visitors get, with the fields of each."""
PUBLIC_TOOLS = {"tool_call": ("args",), "tool_result": ("result", "outcome")}
"""The fields that visitors also get of tools that are declared public."""
_NO_USAGE = {"input_tokens": 0, "output_tokens": 0, "requests": 0}


def audience(caller: Principal) -> Audience:
    """Return the audience of a caller. Anyone without a live key is a visitor."""
    if caller.kind != "live":
        return "visitor"
    return "operator" if caller.may("admin") else "server"


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
    if audience(caller) == "visitor":
        # Visitors know the agent that they asked for.
        seen = msgspec.structs.replace(seen, agent=chat.wanted, system="", metadata={}, user="", url="", title="")
    return seen


def message(caller: Principal, original: Message) -> Message:
    """Return a message of the history as the caller may see it."""
    if audience(caller) != "visitor":
        return original
    return Message(
        role=original.role,
        text=original.text,
        id=original.id,
        at=original.at,
        turn=original.turn,
        status=original.status,
        failed=original.failed,
        tools=original.tools,
        attachments=original.attachments if original.visitor else (),
    )


def tool_call(caller: Principal, call: ToolCall) -> dict[str, Any]:
    """Return the fields of a tool call as the caller may see them. Visitors see only the name, unless it is public."""
    seen = {"id": call.id, "name": call.name, "args": call.args, "result": call.result, "outcome": call.outcome}
    if audience(caller) == "visitor":
        if not call.public:
            return seen | {"args": None, "result": None, "outcome": None}
        if call.outcome != "done":
            # The result of a failed tool is the text of an exception.
            return seen | {"result": None}
    return seen


def delta(caller: Principal, event: StoredEvent) -> StoredEvent | None:
    """Return a stream event as the caller may see it; None to hide it."""
    who = audience(caller)
    if who == "visitor":
        return _for_visitor(caller, event)
    if event.kind not in ("error", "retry", "done") or (who == "operator" and event.kind != "done"):
        return event
    fields = msgspec.json.decode(event.data)
    if event.kind == "done":
        if not fields.get("usage"):
            return event
        # Counts of 0 are not stored.
        fields["usage"] = _NO_USAGE | fields["usage"]
    else:
        fields["reason"] = _reason_of(caller, fields)
    return StoredEvent(event.id, *stream_event(event.kind, **fields))


class RedactedEvents:
    """Stream events, redacted for a caller. `anext` may be cancelled without losing an event."""

    def __init__(self, caller: Principal, deltas: AsyncIterator[StoredEvent]) -> None:
        self._caller = caller
        self._deltas = deltas

    def __aiter__(self) -> RedactedEvents:
        return self

    async def __anext__(self) -> StoredEvent:
        while True:
            seen = delta(self._caller, await anext(self._deltas))
            if seen is not None:
                return seen


def _for_visitor(caller: Principal, event: StoredEvent) -> StoredEvent | None:
    shown = VISITORS.get(event.kind)
    if shown is None:
        return None
    fields: dict[str, Any] = msgspec.json.decode(event.data)
    seen = {name: fields[name] for name in shown if name in fields}
    if event.kind == "turn":
        seen["messages"] = [{"id": sent["id"], "text": sent["text"]} for sent in fields.get("messages", ())]
    elif event.kind in ("retry", "error"):
        seen["reason"] = _reason_of(caller, fields)
    elif fields.get("public") and event.kind == "tool_call":
        seen["args"] = fields.get("args")
    elif fields.get("public") and event.kind == "tool_result":
        call = ToolCall(**{name: fields[name] for name in ("id", "name", "result", "outcome", "public")})
        seen |= {name: value for name, value in tool_call(caller, call).items() if name in ("outcome", "result")}
    return StoredEvent(event.id, *stream_event(event.kind, **seen))


def _reason_of(caller: Principal, fields: dict[str, Any]) -> str:
    # A retry event from an older worker has no code.
    return reason(caller, fields["reason"], code=fields.get("code", "agent_failed"), turn=fields["turn"])
