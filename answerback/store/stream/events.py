"""What turns produce while they run, for those who follow a thread: written by workers, read by ingress.

Kinds, and their JSON (all have "turn", the turn's id):

    turn         attempt, agent, events (their ids), messages ({id, text, author}): the turn begins. It takes
                 the place of an unfinished one that was to answer any of the same events
    text         message (its id), at, text: the message reads `so_far[:at] + text` now; `at` counts characters
    tool_call    id, name, args, public (true, where a page's visitor may read args)
    tool_result  id, name, result, outcome, public (true, where a page's visitor may read result)
    reply        message (the reply's key), state, url: a reply reached its platform, or failed
    retry        reason, code, attempt, seconds: the attempt failed, and another one begins in so many seconds
    done         events, status, message (id of the last one, or ""), messages (ids), usage
    error        events, reason, code: it failed for good, and lies in the dead letters
    gone         reason: the thread was deleted; the last of its deltas, and never stored

status  "completed", "cancelled", "interrupted" (its events are answered by another turn), "dropped" (the agent
        was busy and takes nothing meanwhile), "ignored" (no agent answers it)
code    "agent_failed", "timeout", "limit" or "unreachable"
"""

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
    """One of them: its id in the stream, its kind, its JSON."""

    id: str
    kind: str
    data: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands: comparable, unlike the id."""
        return place(self.id)


def place(id: str) -> tuple[int, int]:
    """The place of an id, "1763990000000-0". Raises `ValueError` for anything else."""
    ms, _, number = id.partition("-")
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of a delta")
    return int(ms), int(number or 0)


def stream_event(kind: str, turn: str, **fields: Any) -> StreamEvent:
    """A delta to be written."""
    return kind, _encode({"turn": turn, **fields})


def published(message: bytes) -> StoredEvent:
    """A delta as it is published."""
    id, kind, data = message.split(b"\n", 2)
    return StoredEvent(id.decode(), kind.decode(), data)


async def last(threads: Threads, thread: str) -> str:
    """The id of a thread's newest delta; "0" when it has none."""
    found = await threads.database.call(
        "XREVRANGE", keys.deltas(threads.partition(thread), thread), "+", "-", "COUNT", 1
    )
    return found[0][0].decode() if found else "0"


async def finished(threads: Threads, thread: str) -> str:
    """The id of the newest delta that ended a turn: what follows it belongs to the one that runs. "0" for none."""
    key, end = keys.deltas(threads.partition(thread), thread), "+"
    while found := await threads.database.call("XREVRANGE", key, end, "-", "COUNT", PAGE):
        for id, fields in found:
            if fields[b"k"] in (b"done", b"error"):
                return str(id.decode())
        end = f"({found[-1][0].decode()}"
    return "0"


async def stored(threads: Threads, thread: str, after: str = "0", *, limit: int = PAGE) -> list[StoredEvent] | None:
    """The next deltas of a thread; None when some that came after `after` may not be kept any more."""
    key = keys.deltas(threads.partition(thread), thread)
    found, first = await threads.database.together(
        ("XRANGE", key, f"({after}", "+", "COUNT", limit), ("XRANGE", key, "-", "+", "COUNT", 1)
    )
    if after != "0" and (not first or place(after) < place(first[0][0].decode())):
        return None
    return [StoredEvent(id.decode(), fields[b"k"].decode(), fields[b"d"]) for id, fields in found]
