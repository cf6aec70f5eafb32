"""Copies of threads on their way from one partition to another."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from hashlib import sha1
from typing import Any, Literal

import msgspec

from answerback.codec import encode
from answerback.store import clock, keys
from answerback.store.keys import Partition, Queue
from answerback.store.redis import Database, Value
from answerback.store.scripts import Scripts
from answerback.store.thread_ids import workspace_of

HELD = 50
"""ms until the next attempt to move a reserved thread whose outbox is held."""

PIECE = 1000
"""Values that are written with one command."""
Outcome = Literal["left", "open", "held", "changed", "gone"]


class CopiedDeadLetter(msgspec.Struct, frozen=True, array_like=True):
    """A dead letter of a thread. `delivery` and its recorded `state`: "" for a reply."""

    id: str
    at: int
    letter: bytes
    payload: bytes
    delivery: str
    state: bytes


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """The lists and queues that a thread is in: scores, and ms until it may be claimed; None: it is not in it."""

    user: str
    updated: int | None
    ephemeral: int | None
    chat: int | None
    user_chat: int | None
    ready: int | None
    ready_retrying: int | None
    due: int | None
    due_retrying: int | None
    ahead: int
    unused: list[tuple[str, int]]
    dead_letters: list[CopiedDeadLetter]


KINDS = ("hash", "list", "hash", "stream", "list", "list", "hash", "hash", "list", "hash", "hash")
"""The types of `keys.all_of_thread`."""
_READ = {"hash": ("HGETALL",), "list": ("LRANGE",), "stream": ("XRANGE",)}
_ALL = {"hash": (), "list": (0, -1), "stream": ("-", "+")}

_decode = msgspec.msgpack.Decoder(Lists).decode


class Copy(msgspec.Struct, frozen=True):
    """A thread as it was read: the values of its keys, each with its lifetime (ms, 0: permanent), and its lists.

    Attributes:
        version: The state of the partition's dead letters.
    """

    values: list[Any]
    lifetimes: list[int]
    lists: Lists
    version: str

    @property
    def digests(self) -> list[str]:
        """The digest of each key, as lua/with/digest.lua computes it."""
        return [sha1(b"".join(_measured(values)), usedforsecurity=False).hexdigest() for values in self.values]

    def commands(self, names: Sequence[str]) -> Iterator[tuple[Value, ...]]:
        """Yield the commands that write the values to other keys, in pieces."""
        for name, values, lifetime in zip(names, self.values, self.lifetimes, strict=True):
            if isinstance(values, dict):
                flat = [word for field in values.items() for word in field]
                yield from (("HSET", name, *flat[at : at + PIECE]) for at in range(0, len(flat), PIECE))
            elif values and isinstance(values[0], bytes):
                yield from (("RPUSH", name, *values[at : at + PIECE]) for at in range(0, len(values), PIECE))
            else:
                for id, fields in values:
                    yield "XADD", name, id, *(word for field in fields.items() for word in field)
            if values and lifetime:
                yield "PEXPIRE", name, lifetime


def _measured(values: Any) -> Iterator[bytes]:
    """Yield all values in the order in which Redis returns them, each with its length before it."""
    for value in values.items() if isinstance(values, dict) else values:
        if isinstance(value, bytes):
            yield b"%d:%b" % (len(value), value)
        else:
            yield from _measured(value)


async def read(
    database: Database, p: Partition, thread: str, version: str, letters: Sequence[CopiedDeadLetter]
) -> Copy:
    """Read a thread of partition `p`, with its dead letters."""
    names = keys.all_of_thread(p, thread)
    time, kept, user, files, chunks, *values = await database.together(
        *clock.look(p),
        ("HGET", keys.thread(p, thread), "user"),
        ("HKEYS", keys.files(p, thread)),
        ("HKEYS", keys.file_chunks(p, thread)),
        *((*_READ[kind], name, *_ALL[kind]) for name, kind in zip(names, KINDS, strict=True)),
        *(("PTTL", name) for name in names),
        ("ZSCORE", keys.threads(p), thread),
        ("ZSCORE", keys.ephemeral(p), thread),
        *(("ZSCORE", queue(p, name), thread) for name in ("ready", "due") for queue in (keys.queue, keys.retrying)),
    )
    # What waits for a version or a resume is looked at again where it arrives.
    parked, *paused = await database.together(
        ("HEXISTS", keys.parked(p), thread),
        ("HEXISTS", keys.paused(p, "ready"), thread),
        ("HEXISTS", keys.paused(p, "due"), thread),
    )
    now, wall = clock.read(time, kept)
    owner = (user or b"").decode()
    workspace = workspace_of(thread)
    contents, lifetimes = values[: len(names)], values[len(names) : 2 * len(names)]
    updated, ephemeral, *queued = (None if score is None else int(score) for score in values[2 * len(names) :])
    waits = [None if score is None else max(0, score - now) for score in queued]
    if waits[0] is not None and (parked or paused[0]):
        waits[0] = 0
    if waits[2] is not None and paused[1]:
        waits[2] = 0
    chat, user_chat = await database.together(
        ("ZSCORE", keys.chats(p, workspace), thread), ("ZSCORE", keys.chats(p, workspace, owner), thread)
    )
    ids = {name.decode() for name in files} | {name.decode().rpartition(":")[0] for name in chunks}
    members = [f"{thread} {id}" for id in sorted(ids)]
    scores = await database.call("ZMSCORE", keys.unused_files(p), *members) if members else []
    lists = Lists(
        user=owner,
        updated=updated,
        ephemeral=ephemeral,
        chat=None if chat is None else int(chat),
        user_chat=None if user_chat is None else int(user_chat),
        ready=waits[0],
        ready_retrying=waits[1],
        due=waits[2],
        due_retrying=waits[3],
        ahead=now - wall,
        unused=[(name, int(score)) for name, score in zip(members, scores, strict=True) if score is not None],
        dead_letters=list(letters),
    )
    return Copy(contents, [max(0, lifetime) for lifetime in lifetimes], lists, version)


async def send(
    database: Database,
    scripts: Scripts,
    thread: str,
    source: Partition,
    target: Partition,
    copy: Copy,
    *,
    seen: int,
    reserved: tuple[Queue, int] | None = None,
) -> Outcome:
    """Move a thread to `target` as it was read: whole or, if it is held or has changed, not at all.

    Args:
        seen: How long delivery ids are kept (ms).
        reserved: The queue that it was reserved from, and the end of that reservation.
    """
    move = secrets.token_hex(8)
    incoming = keys.incoming(target, move)
    copied = keys.incoming_copies(target, move)
    await database.together(("HSET", incoming, "lists", encode(copy.lists), "seen", seen), *copy.commands(copied))
    if not await scripts.copied([incoming]):
        return "changed"
    workspace, lists = workspace_of(thread), copy.lists
    queue, till = reserved or ("ready", "")
    outcome = await scripts.leave(
        [
            keys.queue(source, "ready"), keys.retrying(source, "ready"),
            keys.queue(source, "due"), keys.retrying(source, "due"),
            keys.counters(source), keys.threads(source),
            keys.dead_letter_times(source), keys.dead_letters(source), keys.dead_letter_payloads(source),
            keys.ephemeral(source), keys.unused_files(source), keys.clock(source),
            keys.moved(source), keys.file_sizes(source),
            keys.chats(source, workspace), keys.chats(source, workspace, lists.user),
            *keys.all_of_thread(source, thread),
        ],
        id=thread,
        move=move,
        till=till,
        queue=queue,
        dead_letters=copy.version,
        workspace=workspace,
        busy_for=HELD,
        digests=copy.digests,
        letters=[letter.id for letter in lists.dead_letters],
        unused=[member for member, _ in lists.unused],
    )  # fmt: skip
    result: Outcome = outcome.decode()
    if result == "left":
        await arrive(database, scripts, thread, source, target, move)
    else:
        await database.call("DEL", incoming, *copied)
    return result


async def arrive(
    database: Database, scripts: Scripts, thread: str, source: Partition, target: Partition, move: str
) -> None:
    """Finish the move of a thread that has left `source`. May be repeated, by anyone."""
    incoming = keys.incoming(target, move)
    encoded, seen = await database.call("HMGET", incoming, "lists", "seen")
    if encoded is not None:
        lists, workspace = _decode(encoded), workspace_of(thread)
        names = keys.all_of_thread(target, thread)
        events = [letter for letter in lists.dead_letters if letter.delivery]
        await scripts.arrive(
            [
                keys.queue(target, "ready"), keys.wake(target, "ready"), keys.retrying(target, "ready"),
                keys.queue(target, "due"), keys.wake(target, "due"), keys.retrying(target, "due"),
                keys.counters(target), keys.threads(target),
                keys.dead_letter_times(target), keys.dead_letters(target), keys.dead_letter_payloads(target),
                keys.ephemeral(target), keys.unused_files(target), keys.clock(target), keys.file_sizes(target),
                keys.chats(target, workspace), keys.chats(target, workspace, lists.user), incoming,
                *names, *keys.incoming_copies(target, move), *(keys.seen(target, letter.delivery) for letter in events),
            ],
            id=thread,
            ahead=lists.ahead,
            workspace=workspace,
            count=len(names),
            seen=seen,
            **{
                name: "" if (value := getattr(lists, name)) is None else value
                for name in (
                    "updated", "ephemeral", "chat", "user_chat", "ready", "ready_retrying", "due", "due_retrying"
                )
            },
            letters=[word for each in lists.dead_letters for word in (each.id, each.at, each.letter, each.payload)],
            unused=[word for pair in lists.unused for word in pair],
            states=[letter.state for letter in events],
        )  # fmt: skip
    await database.call("HSET", keys.moved(source), thread, "")
