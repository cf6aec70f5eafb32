"""What an archive holds, as it lies in Redis: read from there, and written for the script `replace`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from answerback.archive import VERSION, Archive, Dead
from answerback.messages import DeadLetter, Entry, Message, Reply, TurnEnd
from answerback.store import decode, keys
from answerback.store.redis import Value
from answerback.store.thread_ids import is_chat, workspace_of

_encode = msgspec.msgpack.Encoder().encode
_end = msgspec.msgpack.Decoder(TurnEnd).decode
_entry = msgspec.msgpack.Decoder(Entry).decode
_letter = msgspec.msgpack.Decoder(DeadLetter).decode
_message = msgspec.msgpack.Decoder(Message).decode
_reply = msgspec.msgpack.Decoder(Reply).decode

LOCKS = {"fence", "owner", "claimed", "committed", "sender", "sending", "cancel", "interruptible", "live"}
"""Fields of a thread that mean something only where it lies."""


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
) -> Archive:
    """The archive of a thread. `dead` is letters, what a replay of each puts back, and when each was buried.

    Raises `MsgspecError` for what this code cannot decode.
    """
    text, binary = _fields({name.decode(): value for name, value in fields.items()}, begun=bool(journal))
    return Archive(
        version=VERSION,
        thread=id,
        updated=updated,
        fields=text,
        binary=binary,
        messages=[_message(message) for message in history],
        ends=[_end(end) for end in ends],
        waiting=[_entry(entry) for entry in inbox],
        journal={name.decode(): record for name, record in journal.items()},
        replies=sorted((_reply(reply) for reply in outbox), key=lambda reply: reply.key),
        unsent=[key.decode() for key in unsent],
        dead=[
            _dead(letter, grave, int(at))
            for letter, grave, at in zip(*dead, strict=True)
            if letter is not None and grave is not None and at is not None
        ],
    )


def written(archive: Archive) -> list[Value]:
    """The eight lists of an archive, each led by its length."""
    known: dict[str, Value] = {**archive.fields, **archive.binary}
    fields = [word for name, value in known.items() if name not in LOCKS for word in (name, value)]
    journal: list[Value] = [word for name, record in archive.journal.items() for word in (name.encode(), record)]
    replies: list[Value] = [word for reply in archive.replies for word in (reply.key, _encode(reply))]
    dead: list[Value] = []
    for each in archive.dead:
        dead += (each.letter.id, each.letter.at, _encode(each.letter), _encode(each.entry or each.reply))
    return [
        len(fields) // 2, *fields,
        len(archive.messages), *map(_encode, archive.messages),
        len(archive.ends), *map(_encode, archive.ends),
        len(archive.waiting), *map(_encode, archive.waiting),
        len(archive.journal), *journal,
        len(archive.replies), *replies,
        len(archive.unsent), *archive.unsent,
        len(archive.dead), *dead,
    ]  # fmt: skip


def listed(archive: Archive, p: int) -> dict[str, int]:
    """The lists of chats that a thread stands in, by key, and its place there."""
    fields, owner = archive.fields, workspace_of(archive.thread)
    if "opened" not in fields:
        return {}
    if fields.get("ephemeral"):
        return {keys.ephemeral(p): int(fields.get("created", 0)) + int(fields.get("kept", 0))}
    lists = (keys.chats(p, owner), keys.chats(p, owner, fields.get("user", "")))
    return dict.fromkeys(lists, int(fields.get("updated", archive.updated)))


def deliveries(archive: Archive) -> dict[str, str]:
    """What is known of the deliveries of a thread, as `keys.seen` holds it.

    A chat's are made of what its history holds, a platform's are not: of those, only what waits or is dead is known.
    """
    found: dict[str, str] = {}
    if is_chat(archive.thread):
        said = [f"{archive.thread}:{each.message}" for each in archive.messages if each.role == "user"]
        found = dict.fromkeys(said, "stored")
    for entry in (*archive.waiting, *(dead.entry for dead in archive.dead if dead.entry)):
        found |= {event.delivery: "stored" for event in entry.events}
    for dead in archive.dead:
        if dead.entry:
            found[dead.entry.event.delivery] = "dead"
    return {delivery: f"{state} {archive.thread}" for delivery, state in found.items()}


def _fields(known: dict[str, bytes], *, begun: bool) -> tuple[dict[str, str], dict[str, bytes]]:
    """What is known of a thread, as text where it is text."""
    if known.get("owner"):
        # The attempt that is under way is one here; there, it is begun anew.
        known["attempts"] = b"%d" % max(0, int(known.get("attempts", 0)) - 1)
    text: dict[str, str] = {}
    binary: dict[str, bytes] = {}
    for name, value in known.items():
        # What a turn has taken it holds on to once it has done something.
        if name in LOCKS or (name == "taken" and known.get("owner") and not begun):
            continue
        try:
            text[name] = value.decode()
        except UnicodeDecodeError:
            binary[name] = value
    return text, binary


def _dead(letter: bytes, grave: bytes, at: int) -> Dead:
    found = msgspec.structs.replace(_letter(letter), at=at)
    if found.kind == "event" and found.unreadable:
        entry = decode.buried(grave, found.thread)
        if isinstance(entry, decode.Unreadable):
            raise msgspec.ValidationError(entry.why)
        # Newer code has come back, that wrote it.
        return Dead(letter=msgspec.structs.replace(found, unreadable=False), entry=entry)
    if found.kind == "event":
        return Dead(letter=found, entry=_entry(grave))
    return Dead(letter=found, reply=_reply(grave))
