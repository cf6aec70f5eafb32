"""Parse WhatsApp's webhooks: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from answerback.errors import MalformedBody
from answerback.platforms import Delivery, Ignored, Inbound, Parsed
from answerback.platforms.decoding import decode, tolerant
from answerback.platforms.subject import shortened
from answerback.platforms.whatsapp.errors import described
from answerback.platforms.whatsapp.messages import Incoming, parse_echo, parse_user_id_update
from answerback.platforms.whatsapp.payload import (
    Change,
    Entry,
    Envelope,
    Items,
    Message,
    Metadata,
    Status,
    UserIdUpdate,
    Value,
)
from answerback.platforms.whatsapp.statuses import parse_status

T = TypeVar("T")
Found = Inbound | str
"""Something for us, or why there is nothing."""

_envelope = msgspec.json.Decoder(Envelope)
_entry = msgspec.json.Decoder(Entry)
_change = msgspec.json.Decoder(Change)
_message = msgspec.json.Decoder(Message)
_status = msgspec.json.Decoder(Status)
_update = msgspec.json.Decoder(UserIdUpdate)

_UNREADABLE = "something that cannot be read"


def parse(delivery: Delivery) -> Parsed:
    """Parse a verified body, which may report many things at once.

    Thread ids: "whatsapp:<id of our number>:<the user's id, or phone number, or the group's id>".
    Delivery ids: "whatsapp:<wamid>"; a status adds its name.
    Address: number, message, and user, phone or group.
    Identities: "user:<business-scoped id>", "phone:<number>" of the author.
    """
    envelope = decode(_envelope, delivery.body, "Meta documents")
    if envelope.object != "whatsapp_business_account":
        return Ignored(f"{shortened(envelope.object, 40)!r} is not a WhatsApp account")
    found = [each for entry in _items(envelope.entry, _entry) for each in _of_entry(entry)]
    events = [each for each in found if not isinstance(each, str)]
    reasons = [each for each in found if isinstance(each, str)]
    if events:
        return events
    if _UNREADABLE in reasons or not reasons:
        raise MalformedBody("the body is not what Meta documents: it reports nothing that can be read")
    warned = next((reason for reason in reasons if reason.startswith(_TROUBLE)), "")
    return Ignored(warned or reasons[0], warning="not handled" if warned else "")


_TROUBLE = "Meta reports an error"


def _of_entry(entry: Entry | None) -> Iterator[Found]:
    if entry is None:
        yield _UNREADABLE
        return
    for change in _items(entry.changes, _change):
        yield from _of_change(change) if change else [_UNREADABLE]


def _of_change(change: Change) -> Iterator[Found]:
    value, field = change.value or Value(), change.field or ""
    where = value.metadata or Metadata()
    number = where.phone_number_id or ""
    if field == "user_id_update":
        yield from _each(value.user_id_update, _update, lambda one: parse_user_id_update(one, number))
    elif field == "smb_message_echoes" and number:
        display, people = where.display_phone_number or "", value.contacts or []
        yield from _each(value.message_echoes, _message, lambda one: parse_echo(one, number, display, people))
    elif field == "messages" and number:
        yield from (described(problem, _TROUBLE) for problem in value.errors or ())
        contacts = value.contacts or []
        yield from _each(value.messages, _message, lambda one: Incoming(one, number, contacts).parse())
        yield from _each(value.statuses, _status, parse_status)
    elif field in ("messages", "smb_message_echoes"):
        yield _UNREADABLE
    else:
        yield f"{shortened(field, 40)!r} is not about messages"


def _each(
    raw: Items, decoder: msgspec.json.Decoder[T], parse: Callable[[T], list[Inbound] | Inbound | str]
) -> Iterator[Found]:
    for item in _items(raw, decoder):
        found = _UNREADABLE if item is None else parse(item)
        yield from found if isinstance(found, list) else [found]


def _items(raw: Items, decoder: msgspec.json.Decoder[T]) -> Iterator[T | None]:
    """Yield each item, None for one that cannot be read: it must not take the others with it."""
    for each in raw or ():
        try:
            yield tolerant(decoder, each)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield None
