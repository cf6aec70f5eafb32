"""Parse messages sent by other systems through Standard Webhooks.

    {
      "type": "message.created",              or "message.edited", "message.deleted"; created if absent
      "timestamp": "2025-03-01T12:00:00Z",    when it was written; default: the time of sending
      "data": {
        "thread":   "ticket-4711",            the conversation; default: a new one
        "message":  "comment-9",              its id, for later edits; default: the webhook-id
        "text":     "How do I …?",            required, unless deleted
        "author":   {"id": "u1", "name": "Ada"},    or just "u1"; "kind": "bot" marks a program
        "title":    "…",  "url": "https://…",  "channel": "support",
        "subject":  {"kind": "ticket", "title": "…", "body": "…", "author": "Ada"},   what it is about; for a line of
                    a file also "path", "start", "line", "diff"
        "mentions": ["answerback"],
        "direct":   true                      addressed to the agents (the default); false: not
      }
    }

The fields of `data` may also be at the top level: {"thread": "t1", "text": "hello"} is enough.
Ids may be numbers. For the reply see `api`.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Annotated

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Amendment, Event, Subject
from answerback.messages import Author, AuthorKind
from answerback.platforms import Delivery, Ignored, Parsed
from answerback.platforms.decoding import Spare, decode
from answerback.platforms.standard.signature import LONGEST_ID, header, usable_id
from answerback.platforms.subject import BODY, TITLE, shortened

CREATED, EDITED, DELETED = "message.created", "message.edited", "message.deleted"

_LONGEST_THREAD = 128
_LONGEST_NAME = 2048
_MOST_MENTIONS = 50
_KINDS: dict[str, AuthorKind] = {"bot": "bot", "app": "app"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Line = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Name = str | int
"""An id. Numbers may be of any size: some senders' ids do not fit into 64 bits."""


class Sender(msgspec.Struct):
    id: Spare[Name] = None
    name: Spare[str] = None
    kind: Spare[str] = None


class SubjectPayload(msgspec.Struct):
    """The subject of the message; see `answerback.events.Subject`."""

    kind: Spare[str] = None
    title: Spare[str] = None
    body: Spare[str] = None
    author: Spare[str] = None
    path: Spare[str] = None
    start: Spare[Line] = None
    line: Spare[Line] = None
    diff: Spare[str] = None


class MessagePayload(msgspec.Struct):
    thread: Name | None = None
    message: Name | None = None
    text: str | None = None
    author: Spare[Sender | Name] = None
    title: Spare[str] = None
    url: Spare[str] = None
    channel: Spare[str] = None
    subject: Spare[SubjectPayload] = None
    mentions: list[str] | None = None
    direct: bool | None = None


class Envelope(msgspec.Struct):
    """The envelope of a message. The message's fields may also be here, and `data` is then not an object."""

    type: str | None = None
    timestamp: Spare[str | int | float] = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(Envelope)
_message = msgspec.json.Decoder(MessagePayload)
_DOCUMENTED = "a message looks like"


def parse(request: Delivery) -> Parsed:
    """Parse a verified body.

    Thread ids: "standard:<thread>", or "standard:sha256:<hex>" of one longer than 128 characters.
    Address: thread, as it was sent, and message. Identities: "user:<author id>".
    """
    headers, body = request.headers, request.body
    identifier = header(headers, "id")
    if not usable_id(identifier):
        raise MalformedBody("the webhook-id header is missing or invalid")
    envelope = decode(_envelope, body, _DOCUMENTED)
    kind = envelope.type or CREATED
    if kind not in (CREATED, EDITED, DELETED):
        return Ignored(f"{kind[:60] if kind.isascii() and kind.isprintable() else 'this type'} is not a message")
    data = decode(_message, envelope.data if bytes(envelope.data).startswith(b"{") else body, _DOCUMENTED)
    message = _name(data.message, "message", LONGEST_ID)
    # An edit without a thread is about a message that began a thread, whose name is its webhook-id.
    thread = _name(data.thread, "thread", _LONGEST_NAME) or (identifier if kind == CREATED else message)
    delivery, thread_id = f"standard:{identifier}", _thread_id(thread)
    mentions = _mentions(data.mentions)
    if kind == DELETED and message:
        return [Amendment(delivery=delivery, thread=thread_id, message=message, text=None)]
    if kind != CREATED and not message:
        raise MalformedBody(f"{kind} needs the id of the message: set `message`")
    if data.text is None:
        raise MalformedBody("`text` is missing, both at the top level and in `data`")
    if kind == CREATED and not data.text.strip():
        return Ignored("a message without a text")
    author, at = _author(data.author), _milliseconds(envelope.timestamp, header(headers, "timestamp"))
    event = Event(
        delivery=delivery,
        thread=thread_id,
        kind=kind,
        text=data.text,
        author=author,
        message=message or identifier,
        channel=data.channel or "",
        mentions=mentions,
        # A system that sends messages here addresses the agents, unless it says otherwise.
        direct=data.direct is not False,
        identities=(f"user:{author.id}",) if author.id else (),
        address={"thread": thread, "message": message or identifier},
        subject=_subject(data.subject),
        title=data.title or "",
        url=data.url or "",
        at=at,
    )
    if kind == CREATED:
        return [event]
    added: Event | None = None
    edit = msgspec.structs.replace(event, edited="text", arrival="queue") if data.text.strip() else None
    if mentions and not event.direct and data.text.strip():
        # The text before the edit is unknown: each name counts as added, once.
        identity = f"standard:{thread}:{message}:{','.join(sorted(mentions))}"
        added = msgspec.structs.replace(event, delivery=identity, edited="mention")
    return [
        Amendment(
            delivery=delivery,
            thread=thread_id,
            message=message,
            text=data.text,
            mentions=mentions,
            event=added,
            at=at,
            edit=None if added else edit,
        )
    ]


def _name(value: Name | None, what: str, longest: int) -> str:
    name = "" if value is None else str(value)
    if len(name) > longest:
        raise MalformedBody(f"`{what}` is longer than {longest} characters")
    if _CONTROL.search(name):
        raise MalformedBody(f"`{what}` has control characters or line breaks")
    return name


def _thread_id(thread: str) -> str:
    if len(thread) > _LONGEST_THREAD:
        return f"standard:sha256:{hashlib.sha256(thread.encode()).hexdigest()}"
    return f"standard:{thread}"


def _subject(payload: SubjectPayload | None) -> Subject | None:
    if payload is None:
        return None
    return Subject(
        kind=shortened(payload.kind or "", TITLE),
        title=shortened(payload.title or "", TITLE),
        body=shortened(payload.body or "", BODY),
        author=shortened(payload.author or "", TITLE),
        path=shortened(payload.path or "", TITLE),
        start=payload.start or 0,
        line=payload.line or 0,
        diff=shortened(payload.diff or "", BODY, end=True),
    )


def _author(author: Sender | Name | None) -> Author:
    if not isinstance(author, Sender):
        author = Sender(id=author)
    kind = _KINDS.get(author.kind or "", "person")
    return Author(_name(author.id, "author.id", LONGEST_ID), author.name or "", kind)


def _mentions(names: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.removeprefix("@").lower() for name in names or ()))[:_MOST_MENTIONS]


def _milliseconds(written: str | int | float | None, sent: str) -> int:
    """Return when it was written, if valid; else when it was sent, which the signature covers."""
    if isinstance(written, str):
        try:
            return int(msgspec.convert(written, datetime).timestamp() * 1000)
        except (msgspec.ValidationError, ValueError, OverflowError):
            pass
    return int(sent) * 1000 if sent.isascii() and sent.isdigit() and len(sent) <= 11 else 0
