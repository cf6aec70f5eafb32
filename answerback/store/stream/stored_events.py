"""The stored stream events of a thread: reading them, and their positions."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from answerback.store import keys
from answerback.store.threads.records import StreamEvent
from answerback.store.threads.threads import Threads

_encode = msgspec.json.Encoder().encode

PAGE = 500
_ID = re.compile(r"[0-9]{1,15}(-[0-9]{1,15})?")


class StoredEvent(msgspec.Struct, frozen=True):
    """A stored stream event: its id in the stream, its kind, its JSON."""

    id: str
    kind: str
    data: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Its position in the stream; comparable, unlike the id."""
        return place(self.id)


def place(id: str) -> tuple[int, int]:
    """Return the position of an id such as "1763990000000-0". Raises `ValueError` for anything else."""
    ms, _, number = id.partition("-")
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is not the id of a stream event")
    return int(ms), int(number or 0)


def stream_event(kind: str, turn: str, **fields: Any) -> StreamEvent:
    """Return a stream event to be written."""
    return kind, _encode({"turn": turn, **fields})


def published(message: bytes) -> StoredEvent:
    """Decode a published stream event."""
    id, kind, data = message.split(b"\n", 2)
    return StoredEvent(id.decode(), kind.decode(), data)


async def last(threads: Threads, thread: str) -> str:
    """Return the id of a thread's newest stream event; "0" if there is none."""
    found = await threads.database.call(
        "XREVRANGE", keys.stream_events(threads.partition(thread), thread), "+", "-", "COUNT", 1
    )
    return found[0][0].decode() if found else "0"


async def finished(threads: Threads, thread: str) -> str:
    """Return the id of the newest event that ended a turn; later ones belong to the running turn. "0" if none."""
    key, end = keys.stream_events(threads.partition(thread), thread), "+"
    while found := await threads.database.call("XREVRANGE", key, end, "-", "COUNT", PAGE):
        for id, fields in found:
            if fields[b"k"] in (b"done", b"error"):
                return str(id.decode())
        end = f"({found[-1][0].decode()}"
    return "0"


async def stored(threads: Threads, thread: str, after: str = "0", *, limit: int = PAGE) -> list[StoredEvent] | None:
    """Return a thread's stream events after the id `after`; None if some of them may no longer be stored."""
    key = keys.stream_events(threads.partition(thread), thread)
    found, first = await threads.database.together(
        ("XRANGE", key, f"({after}", "+", "COUNT", limit), ("XRANGE", key, "-", "+", "COUNT", 1)
    )
    if after != "0" and (not first or place(after) < place(first[0][0].decode())):
        return None
    return [StoredEvent(id.decode(), fields[b"k"].decode(), fields[b"d"]) for id, fields in found]
