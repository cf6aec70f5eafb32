"""The archive format: a complete thread as one line of JSON, written by `answerback export`, read by `import`.

Binary values are base64. The first field, "answerback", is the version of the format.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import msgspec

from answerback.errors import MalformedArchive
from answerback.events import Entry
from answerback.files import StoredFile
from answerback.messages import Message, TurnEnd
from answerback.replies import DeadLetter, Reply
from answerback.store.thread_ids import public_id

VERSION = 1
NUMBERS = ("position", "attempts", "crashes", "taken", "created", "imported", "updated", "changes", "buried")
"""Numeric fields of a thread."""


class Dead(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A dead letter with its payload: the entry or the reply that a replay puts back."""

    letter: DeadLetter
    entry: Entry | None = None
    reply: Reply | None = None


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with its content."""

    file: StoredFile
    data: bytes


class Archive(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A complete thread, as of its last commit.

    Attributes:
        updated: Time of the last change, ms.
        fields: Title, channel, agent, position …, without its locks.
        binary: Fields that are not text (the agent's state).
        waiting: Events that are not handled yet, oldest first.
        turn_ends: How its last turns ended; in the file, `ends`.
        journal: Finished and begun steps of the turn in flight, by name.
        replies: Its outbox.
        unsent: Keys of the replies that are not on the platform yet, in order.
        files: Its files.
    """

    version: int = msgspec.field(name="answerback")
    thread: str
    updated: int
    fields: dict[str, str] = {}
    binary: dict[str, bytes] = {}
    messages: list[Message] = []
    turn_ends: list[TurnEnd] = msgspec.field(name="ends", default_factory=list)
    waiting: list[Entry] = []
    journal: dict[str, bytes] = {}
    replies: list[Reply] = []
    unsent: list[str] = []
    dead: list[Dead] = []
    files: list[ArchivedFile] = []


def line(archive: Archive) -> bytes:
    """Return the archive as a line of UTF-8 with its line break. Terminal control characters are escaped."""
    data = msgspec.to_builtins(archive, str_keys=True)
    for message in data.get("messages", ()):
        if record := message.get("model"):
            message["model"] = _read(base64.b64decode(record), record)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char == " " else json.dumps(char)[1:-1] for char in text)
    return text.encode() + b"\n"


def parse(raw: bytes) -> Archive:
    """Parse a line. Raises `MalformedArchive` with what is wrong."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedArchive(f"not JSON: {error}") from None
    if not isinstance(data, dict) or "answerback" not in data:
        raise MalformedArchive('not an archived thread ({"answerback": 1, "thread": ...})')
    if data["answerback"] != VERSION:
        raise MalformedArchive(f"format version {data['answerback']!r} is not supported; expected version {VERSION}")
    try:
        for message in data.get("messages", ()):
            if not isinstance(record := message.get("model", ""), str):
                message["model"] = base64.b64encode(json.dumps(record, separators=(",", ":")).encode()).decode()
        archive = msgspec.convert(data, Archive)
        _check(archive)
        msgspec.msgpack.encode(archive)
    except RecursionError:
        raise MalformedArchive("not a valid thread: nested too deeply") from None
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError, AttributeError, TypeError) as error:
        raise MalformedArchive(f"not a valid thread: {error}") from None
    return archive


def _read(record: bytes, otherwise: str) -> Any:
    """Return a model's record of a turn as JSON data; `otherwise` if it is not JSON."""
    try:
        data = json.loads(record)
    except (ValueError, RecursionError):
        return otherwise
    return otherwise if isinstance(data, str) else data


def _check(archive: Archive) -> None:
    if not archive.thread:
        raise MalformedArchive("no thread id")
    for name in NUMBERS:
        if not re.fullmatch("[0-9]{1,15}", archive.fields.get(name, "0")):
            raise MalformedArchive(f"{name} is not a number: {archive.fields[name]!r}")
    other_threads = {
        *(event.thread for entry in archive.waiting for event in entry.events),
        *(reply.thread for reply in archive.replies),
        *(dead.letter.thread for dead in archive.dead),
        *(event.thread for dead in archive.dead if dead.entry for event in dead.entry.events),
        *(dead.reply.thread for dead in archive.dead if dead.reply),
    } - {archive.thread}
    if other_threads:
        raise MalformedArchive(f"contains data of another thread: {min(other_threads)!r}")
    if not {*archive.unsent} <= {reply.key for reply in archive.replies}:
        raise MalformedArchive("an unsent reply is not among the replies")
    for archived in archive.files:
        if len(archived.data) != archived.file.size:
            raise MalformedArchive(f"file {archived.file.id} does not have the size that it is said to have")
        if not archived.file.id.startswith(f"{public_id(archive.thread)}."):
            raise MalformedArchive(f"contains a file of another thread: {archived.file.id!r}")
    for dead in archive.dead:
        payload = "event" if dead.entry else "reply"
        if bool(dead.entry) == bool(dead.reply) or payload != dead.letter.kind:
            raise MalformedArchive(f"dead letter {dead.letter.id} does not contain the {dead.letter.kind} it is about")
