"""Conversion between an archive and its data in Redis, for reading and for the script `replace_thread`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from answerback.archive import VERSION, Archive, ArchivedFile, Dead
from answerback.codec import encode
from answerback.files import CHUNK, StoredFile
from answerback.store import decode, keys
from answerback.store.decode import decode_dead_letter, decode_entry, decode_message, decode_reply
from answerback.store.keys import Partition
from answerback.store.redis import Value
from answerback.store.thread_ids import is_chat, workspace_of
from answerback.store.threads.files import decode_file
from answerback.store.threads.records import encoded_replies
from answerback.store.threads.turn_ends import decode_turn_end

LOCKS = {"fence", "owner", "claimed", "committed", "sender", "sending", "cancel", "interruptible", "live"}
"""Fields of a thread that are only meaningful in its own Redis."""
COUNTED = {"file_bytes"}
"""Fields of a thread that an import computes."""


def read(
    id: str,
    updated: int,
    fields: Mapping[bytes, bytes],
    history: Sequence[bytes],
    inbox: Sequence[bytes],
    journal: Mapping[bytes, bytes],
    outbox: Sequence[bytes],
    unsent: Sequence[bytes],
    ends: Sequence[bytes],
    dead: Sequence[Sequence[Any]],
    files: Mapping[bytes, bytes],
    chunks: Mapping[bytes, bytes],
) -> Archive:
    """Return the archive of a thread.

    Args:
        dead: the dead letters, their payloads, and their times.
        files: the complete files, by id.
        chunks: their pieces, by file and number.

    Raises:
        MsgspecError: some of it cannot be decoded by this version.
    """
    text, binary = _fields({name.decode(): value for name, value in fields.items()}, begun=bool(journal))
    return Archive(
        version=VERSION,
        thread=id,
        updated=updated,
        fields=text,
        binary=binary,
        messages=[decode_message(message) for message in history],
        turn_ends=[decode_turn_end(end) for end in ends],
        waiting=[decode_entry(entry) for entry in inbox],
        journal={name.decode(): record for name, record in journal.items()},
        replies=sorted((decode_reply(reply) for reply in outbox), key=lambda reply: reply.key),
        unsent=[key.decode() for key in unsent],
        dead=[
            _dead(letter, payload, int(at))
            for letter, payload, at in zip(*dead, strict=True)
            if letter is not None and payload is not None and at is not None
        ],
        files=[_file(decode_file(file), chunks) for _, file in sorted(files.items())],
    )


def arguments(archive: Archive) -> dict[str, list[Value]]:
    """Return the contents of an archive as lists of the script `replace_thread`, by name."""
    stored: dict[str, Value] = {**archive.fields, **archive.binary}
    for name in COUNTED:
        stored.pop(name, None)
    letters: list[Value] = []
    for dead in archive.dead:
        letters += (dead.letter.id, dead.letter.at, encode(dead.letter), encode(dead.entry or dead.reply))
    files: list[Value] = []
    chunks: list[Value] = []
    for archived in archive.files:
        files += (archived.file.id, encode(archived.file))
        for number in range(archived.file.chunks):
            chunks += (f"{archived.file.id}:{number}", archived.data[number * CHUNK : (number + 1) * CHUNK])
    if archive.files:
        stored["file_bytes"] = sum(len(archived.data) for archived in archive.files)
    return {
        "fields": [value for name, field in stored.items() if name not in LOCKS for value in (name, field)],
        "messages": [encode(message) for message in archive.messages],
        "ends": [encode(end) for end in archive.turn_ends],
        "entries": [encode(entry) for entry in archive.waiting],
        "steps": [value for name, record in archive.journal.items() for value in (name.encode(), record)],
        "replies": encoded_replies(archive.replies),
        "unsent_keys": [*archive.unsent],
        "letters": letters,
        "files": files,
        "chunks": chunks,
    }


def listed(archive: Archive, p: Partition) -> dict[str, int]:
    """Return the chat lists that contain a thread, by key, with its score."""
    fields, owner = archive.fields, workspace_of(archive.thread)
    if "opened" not in fields:
        return {}
    if fields.get("ephemeral"):
        return {keys.ephemeral(p): int(fields.get("created", 0)) + int(fields.get("kept", 0))}
    lists = (keys.chats(p, owner), keys.chats(p, owner, fields.get("user", "")))
    return dict.fromkeys(lists, int(fields.get("updated", archive.updated)))


def deliveries(archive: Archive) -> dict[str, str]:
    """Return the states of a thread's deliveries, in the format of `keys.seen`.

    The delivery ids of a chat can be derived from its history; those of a platform cannot, so only waiting and dead
    events are included.
    """
    states: dict[str, str] = {}
    if is_chat(archive.thread):
        messages = [f"{archive.thread}:{each.message}" for each in archive.messages if each.role == "user"]
        states = dict.fromkeys(messages, "stored")
    for entry in (*archive.waiting, *(dead.entry for dead in archive.dead if dead.entry)):
        states |= {event.delivery: "stored" for event in entry.events}
    for dead in archive.dead:
        if dead.entry:
            states[dead.entry.event.delivery] = "dead"
    return {delivery: f"{state} {archive.thread}" for delivery, state in states.items()}


def _fields(stored: dict[str, bytes], *, begun: bool) -> tuple[dict[str, str], dict[str, bytes]]:
    """Split a thread's fields into text and binary ones."""
    if stored.get("owner"):
        # The attempt in progress here is started again after an import.
        stored["attempts"] = b"%d" % max(0, int(stored.get("attempts", 0)) - 1)
    text: dict[str, str] = {}
    binary: dict[str, bytes] = {}
    for name, value in stored.items():
        # A turn keeps its events once it has journaled something.
        if name in LOCKS | COUNTED or (name == "taken" and stored.get("owner") and not begun):
            continue
        try:
            text[name] = value.decode()
        except UnicodeDecodeError:
            binary[name] = value
    return text, binary


def _file(file: StoredFile, chunks: Mapping[bytes, bytes]) -> ArchivedFile:
    pieces = [chunks.get(f"{file.id}:{number}".encode(), b"") for number in range(file.chunks)]
    return ArchivedFile(file=file, data=b"".join(pieces))


def _dead(letter: bytes, payload: bytes, at: int) -> Dead:
    dead_letter = msgspec.structs.replace(decode_dead_letter(letter), at=at)
    if dead_letter.kind == "event" and dead_letter.unreadable:
        entry = decode.dead_letter_payload(payload, dead_letter.thread)
        if isinstance(entry, decode.Unreadable):
            raise msgspec.ValidationError(entry.why)
        # The newer version that wrote it is back.
        return Dead(letter=msgspec.structs.replace(dead_letter, unreadable=False), entry=entry)
    if dead_letter.kind == "event":
        return Dead(letter=dead_letter, entry=decode_entry(payload))
    return Dead(letter=dead_letter, reply=decode_reply(payload))
