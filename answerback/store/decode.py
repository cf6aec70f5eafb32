"""Decoding stored data. Data written by a newer version, since rolled back, may be unreadable; it is shown as such.

Its bytes are kept unchanged, so that nothing is lost once the newer version is deployed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from answerback.codec import decoder
from answerback.events import Entry, Event
from answerback.messages import Author, Message
from answerback.replies import DeadLetter, Reply, StreamedReply

NOTICE = "(This was written by a newer version of Answerback and cannot be shown.)"

decode_entry = decoder(Entry)
decode_message = decoder(Message)
decode_reply = decoder(Reply)
decode_streamed = decoder(StreamedReply)
decode_dead_letter = decoder(DeadLetter)


class Unreadable(Entry, frozen=True):
    """Events of a turn that cannot run: their entries, journal, history or agent state cannot be decoded.

    event  a placeholder for the last event, with what could be decoded
    raw    the entries as stored in the inbox
    why    why they cannot be decoded
    """

    raw: tuple[bytes, ...] = ()
    why: str = ""


class UnreadableReply(Reply, frozen=True, kw_only=True):
    """A reply that cannot be decoded, with what could be. `raw`: as stored in the outbox."""

    raw: bytes
    why: str


class Opaque(msgspec.Struct, frozen=True, omit_defaults=True):
    """The dead letter payload of unreadable events: their entries and the journal of their turn, unchanged."""

    entries: tuple[bytes, ...]
    journal: dict[str, bytes] = {}


_opaque = decoder(Opaque)


def entry(raw: bytes, thread: str) -> Entry:
    """Decode an entry of an inbox; `Unreadable` if it cannot be decoded."""
    try:
        return decode_entry(raw)
    except msgspec.MsgspecError as error:
        return unreadable([raw], thread, str(error))


def work(entries: Sequence[bytes], history: Sequence[bytes], thread: str) -> tuple[list[Entry], list[Message]]:
    """Decode the entries and history of a claim. If any of it fails, one `Unreadable` replaces all the entries."""
    try:
        return [decode_entry(raw) for raw in entries], [decode_message(raw) for raw in history]
    except msgspec.MsgspecError as error:
        return [unreadable(entries, thread, str(error))], []


def unreadable(entries: Sequence[bytes], thread: str, why: str) -> Unreadable:
    """Return a placeholder for the entries of a turn that cannot run."""
    event = _known(entries[-1]).get("event")
    fields = event if isinstance(event, dict) else {}
    author = fields.get("author")
    delivery = _text(fields, "delivery") or f"{thread.partition(':')[0]}:{hashlib.sha256(entries[-1]).hexdigest()[:32]}"
    stand_in = Event(
        delivery=delivery,
        thread=thread,
        kind=_text(fields, "kind") or "unknown",
        text=_text(fields, "text") or NOTICE,
        author=Author(_text(author, "id"), _text(author, "name")) if isinstance(author, dict) else Author(""),
    )
    return Unreadable(stand_in, raw=tuple(entries), why=why)


def dead_letter_payload(payload: bytes, thread: str) -> Entry:
    """Decode what a replay of unreadable events would put back: `Unreadable` as long as they are."""
    opaque = _opaque(payload)
    entries, _ = work(opaque.entries, (), thread)
    if isinstance(entries[0], Unreadable):
        return entries[0]
    events = [event for each in entries for event in each.events]
    earlier = {name: record for each in entries for name, record in each.journal.items()}
    return Entry(events[-1], earlier | opaque.journal, tuple(events[:-1]))


def message(raw: bytes) -> Message:
    """Decode a message of a history, or return a placeholder."""
    try:
        return decode_message(raw)
    except msgspec.MsgspecError:
        fields = _known(raw)
        ours = _text(fields, "role") == "assistant"
        return Message(
            role="assistant" if ours else "user",
            text=_text(fields, "text") or NOTICE,
            id=_text(fields, "id"),
            turn=_text(fields, "turn"),
        )


def reply(raw: bytes, thread: str, key: str = "") -> Reply:
    """Decode a reply of an outbox; `UnreadableReply` if it cannot be decoded."""
    try:
        return decode_reply(raw)
    except msgspec.MsgspecError as error:
        fields = _known(raw)
        text = _text(fields, "text") or NOTICE
        return UnreadableReply(key=key or _text(fields, "key"), thread=thread, text=text, raw=raw, why=str(error))


def streamed(raw: bytes) -> StreamedReply | None:
    """Decode what is shown of a reply. What a newer version wrote is left to it: None."""
    try:
        return decode_streamed(raw)
    except msgspec.MsgspecError:
        return None


def letter(raw: bytes, id: str) -> DeadLetter:
    """Decode a dead letter, or as much of it as possible."""
    try:
        return decode_dead_letter(raw)
    except msgspec.MsgspecError as error:
        fields = _known(raw)
        kind: Literal["event", "reply"] = "reply" if _text(fields, "kind") == "reply" else "event"
        reason = f"{_text(fields, 'reason') or 'unknown'} ({unreadable_reason(str(error))})"
        return DeadLetter(id=id, kind=kind, thread=_text(fields, "thread"), reason=reason, unreadable=True)


def unreadable_reason(why: str) -> str:
    """Return the reason of a dead letter for an operator."""
    return f"written by a newer version of Answerback; this version cannot read it: {why}"


def _known(raw: bytes) -> dict[Any, Any]:
    try:
        fields = msgspec.msgpack.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _text(fields: Mapping[Any, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
