"""The stored stream events of a thread: reading them, and their positions."""

from __future__ import annotations

import re
from functools import cached_property

import msgspec

from answerback.store import keys
from answerback.store.stream.events import EncodedEvent, StreamEvent, UnknownEvent, decode_event
from answerback.store.threads.threads import Threads

PAGE = 500
_ID = re.compile(r"[0-9]{1,15}(-[0-9]{1,15})?")


class StoredEvent(msgspec.Struct, frozen=True, dict=True):
    """A stream event as it is stored: its id in the stream, its kind and its JSON.

    All followers in a process share it, so that it is decoded at most once, however many they are.
    """

    id: str
    kind: str
    data: bytes

    @cached_property
    def place(self) -> tuple[int, int]:
        """Its position in the stream; comparable, unlike the id."""
        return place(self.id)

    @cached_property
    def event(self) -> StreamEvent | UnknownEvent:
        """The decoded event. Raises `msgspec.DecodeError`."""
        return decode_event(self.kind, self.data)

    @property
    def encoded(self) -> EncodedEvent:
        """The event as it was written."""
        return self.kind, self.data


def place(id: str) -> tuple[int, int]:
    """Return the position of an id such as "1763990000000-0". Raises `ValueError` for anything else."""
    ms, _, number = id.partition("-")
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is not the id of a stream event")
    return int(ms), int(number or 0)


def published(message: bytes) -> StoredEvent:
    """Decode a published stream event."""
    id, kind, data = message.split(b"\n", 2)
    return StoredEvent(id.decode(), kind.decode(), data)


async def last(threads: Threads, thread: str) -> str:
    """Return the id of a thread's newest stream event; "0" if there is none."""
    entries = await threads.database.call(
        "XREVRANGE", keys.stream_events(await threads.locate(thread), thread), "+", "-", "COUNT", 1
    )
    return entries[0][0].decode() if entries else "0"


async def finished(threads: Threads, thread: str) -> str:
    """Return the id of the newest event that ended a turn; later ones belong to the running turn. "0" if none."""
    key, end = keys.stream_events(await threads.locate(thread), thread), "+"
    while entries := await threads.database.call("XREVRANGE", key, end, "-", "COUNT", PAGE):
        for id, fields in entries:
            if fields[b"k"] in (b"done", b"error"):
                return str(id.decode())
        end = f"({entries[-1][0].decode()}"
    return "0"


async def stored(threads: Threads, thread: str, after: str = "0", *, limit: int = PAGE) -> list[StoredEvent] | None:
    """Return a thread's stream events after the id `after`; None if some of them may no longer be stored."""
    key = keys.stream_events(await threads.locate(thread), thread)
    if after == "0":
        entries = await threads.database.call("XRANGE", key, "-", "+", "COUNT", limit)
        return [*map(_read, entries)]
    entries, first = await threads.database.together(
        ("XRANGE", key, f"({after}", "+", "COUNT", limit), ("XRANGE", key, "-", "+", "COUNT", 1)
    )
    if not first or place(after) < place(first[0][0].decode()):
        return None
    return [*map(_read, entries)]


def _read(entry: tuple[bytes, dict[bytes, bytes]]) -> StoredEvent:
    id, fields = entry
    return StoredEvent(id.decode(), fields[b"k"].decode(), fields[b"d"])
