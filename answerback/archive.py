"""A thread outside of Redis: one line of JSON that holds all of it, to be read by people and by `answerback import`.

Text is text, what is binary is base64. The first field, "answerback", is the format's version.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import msgspec

from answerback.errors import MalformedArchive
from answerback.messages import DeadLetter, Entry, Message, Reply, TurnEnd

VERSION = 1
NUMBERS = ("position", "attempts", "crashes", "taken", "created", "imported", "updated", "changes", "buried")
"""Fields of a thread that are counted with."""


class Dead(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A dead letter, `letter.at` being when it was buried, with what a replay puts back: one of the two."""

    letter: DeadLetter
    entry: Entry | None = None
    reply: Reply | None = None


class Archive(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A thread whole, as of its last commit.

    updated  when something last happened there, ms
    fields   what is known of it (title, channel, agent, position, ...), without its locks; `binary`: what of
             that is no text (the agent's state)
    waiting  events that are not handled yet, oldest first
    ends     how its last turns ended
    journal  finished and begun steps of the turn in flight, by name
    replies  its outbox, by key; `unsent` names those that are not on the platform, in order
    """

    version: int = msgspec.field(name="answerback")
    thread: str
    updated: int
    fields: dict[str, str] = {}
    binary: dict[str, bytes] = {}
    messages: list[Message] = []
    ends: list[TurnEnd] = []
    waiting: list[Entry] = []
    journal: dict[str, bytes] = {}
    replies: list[Reply] = []
    unsent: list[str] = []
    dead: list[Dead] = []


def line(archive: Archive) -> bytes:
    """The archive as a line of UTF-8, with its end. Nothing in it can move, hide or colour text on a terminal."""
    data = msgspec.to_builtins(archive, str_keys=True)
    for message in data.get("messages", ()):
        if record := message.get("model"):
            message["model"] = _read(base64.b64decode(record), record)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char == " " else json.dumps(char)[1:-1] for char in text)
    return text.encode() + b"\n"


def parse(raw: bytes) -> Archive:
    """The archive in a line. Raises `MalformedArchive`, which says what is wrong with it."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedArchive(f"it is not JSON: {error}") from None
    if not isinstance(data, dict) or "answerback" not in data:
        raise MalformedArchive('it is not an archived thread: {"answerback": 1, "thread": ...}')
    if data["answerback"] != VERSION:
        raise MalformedArchive(f"it is of version {data['answerback']!r}: this Answerback reads version {VERSION}")
    try:
        for message in data.get("messages", ()):
            if not isinstance(record := message.get("model", ""), str):
                message["model"] = base64.b64encode(json.dumps(record, separators=(",", ":")).encode()).decode()
        found = msgspec.convert(data, Archive)
        _check(found)
        msgspec.msgpack.encode(found)
    except RecursionError:
        raise MalformedArchive("it cannot be a thread: it is nested too deeply") from None
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError, AttributeError, TypeError) as error:
        raise MalformedArchive(f"it cannot be a thread: {error}") from None
    return found


def _read(record: bytes, otherwise: str) -> Any:
    """A model's record of a turn as what it is, JSON; `otherwise` if it is not."""
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return otherwise
    return otherwise if isinstance(found, str) else found


def _check(archive: Archive) -> None:
    if not archive.thread:
        raise MalformedArchive("it has no thread id")
    for name in NUMBERS:
        if not re.fullmatch("[0-9]{1,15}", archive.fields.get(name, "0")):
            raise MalformedArchive(f"its {name} is not a number: {archive.fields[name]!r}")
    strangers = {
        *(event.thread for entry in archive.waiting for event in entry.events),
        *(reply.thread for reply in archive.replies),
        *(dead.letter.thread for dead in archive.dead),
        *(event.thread for dead in archive.dead if dead.entry for event in dead.entry.events),
        *(dead.reply.thread for dead in archive.dead if dead.reply),
    } - {archive.thread}
    if strangers:
        raise MalformedArchive(f"it holds what belongs to another thread: {min(strangers)!r}")
    if not {*archive.unsent} <= {reply.key for reply in archive.replies}:
        raise MalformedArchive("its unsent replies are not among its replies")
    for dead in archive.dead:
        holds = "event" if dead.entry else "reply"
        if bool(dead.entry) == bool(dead.reply) or holds != dead.letter.kind:
            raise MalformedArchive(f"its dead letter {dead.letter.id} does not hold the {dead.letter.kind} it is about")
