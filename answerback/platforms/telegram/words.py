"""What a message says: its text, and what is mentioned in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from answerback.platforms.telegram.payload import Entity, Message

_COMMAND = re.compile(r"(/[A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]{1,64}))?", re.ASCII)
_FILES = {
    "photo": "a photo", "animation": "an animation", "document": "a document", "spoken": "a voice message",
    "audio": "an audio file", "video": "a video", "video_note": "a video message",
}  # fmt: skip


class Command(NamedTuple):
    """A command at the beginning of a message: "/deploy@answerbot now". `to`: in lower case; "" without one."""

    name: str
    to: str
    rest: str


def text_of(message: Message) -> str:
    """Return what a message says in words. "" for what was not said, such as a person joining."""
    said = message.text or message.caption or ""
    return said or "\n".join(_described(message))


def mentions(message: Message) -> tuple[str, ...]:
    """Return whom a message addresses: user names in lower case; also the author of the message that it replies to."""
    found = [name.lower() for name in _mentioned(message)]
    answered = message.reply_to_message
    if answered and answered.author and answered.author.is_bot and bytes(answered.forum_topic_created) == b"null":
        found.append((answered.author.username or str(answered.author.id)).lower())
    return tuple(dict.fromkeys(found))


def command_of(message: Message) -> Command | None:
    """Return the command that a message is."""
    text, first = message.text or "", next(iter(message.entities or ()), None)
    if first is None or first.type != "bot_command" or first.offset:
        return None
    found = _COMMAND.match(text)
    return Command(found[1], (found[2] or "").lower(), text[found.end() :].strip()) if found else None


def _mentioned(message: Message) -> Iterator[str]:
    text, entities = (
        (message.text, message.entities) if message.text else (message.caption or "", message.caption_entities)
    )
    units = text.encode("utf-16-le", errors="surrogatepass")
    for entity in entities or ():
        if entity.type == "text_mention" and entity.user:
            yield entity.user.username or str(entity.user.id)
        elif entity.type == "mention":
            yield _slice(units, entity).removeprefix("@")
        elif entity.type == "bot_command" and "@" in (word := _slice(units, entity)):
            yield word.partition("@")[2]


def _slice(units: bytes, entity: Entity) -> str:
    start = (entity.offset or 0) * 2
    return units[start : start + (entity.length or 0) * 2].decode("utf-16-le", errors="replace")


def _described(message: Message) -> Iterator[str]:
    """Yield in words what a message has instead of a text."""
    # An animation is described as a document, too.
    if kind := next((kind for kind in _FILES if getattr(message, kind)), ""):
        yield f"sent {_FILES[kind]}"
        return
    if message.sticker:
        yield message.sticker.emoji or "sent a sticker"
    if venue := _plain(message.venue):
        yield f"sent a place: {_words(venue, 'title', 'address')}"
    elif location := _plain(message.location):
        yield f"sent a location: {_words(location, 'latitude', 'longitude')}"
    if contact := _plain(message.contact):
        yield f"sent a contact: {_words(contact, 'first_name', 'last_name', 'phone_number')}"
    if poll := _plain(message.poll):
        yield f"sent a poll: {_words(poll, 'question')}"
    if dice := _plain(message.dice):
        yield f"rolled {_words(dice, 'emoji', 'value')}"


def _plain(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(found: dict[str, Any], *names: str) -> str:
    values: Sequence[Any] = [found.get(name) for name in names]
    return ", ".join(str(value)[:200] for value in values if isinstance(value, (str, int, float)))
