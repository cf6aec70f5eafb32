"""What the tests of the store begin with: events, claims, replies, and a look at everything that lies in Redis."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

import pytest

from answerback.errors import LeaseLost
from answerback.events import Entry, Event
from answerback.messages import Author, Message
from answerback.replies import DeadLetter, Reply
from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.scripts import Script
from answerback.store.stream.events import EncodedEvent
from answerback.store.threads.leases import Reservation
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.records import NO_LIMIT, Claim, Commit, Step
from answerback.store.threads.threads import Threads
from worker.claiming.leases import Leases
from worker.statistics import Counters
from worker.turns.running import Running

THREAD = "github:1:1"


def event(number: int, thread: str = THREAD, text: str = "", identities: tuple[str, ...] = ()) -> Event:
    """The event of delivery `number`; its message has the same number."""
    return Event(
        delivery=f"github:{number}",
        thread=thread,
        kind="issue_comment.created",
        text=text or f"message {number}",
        author=Author("583231", "octocat"),
        message=str(number),
        identities=identities,
    )


async def accept(threads: Threads, *numbers: int, thread: str = THREAD) -> None:
    """Store events, in this order."""
    for number in numbers:
        assert (await threads.accept(event(number, thread))).status == "accepted"


async def claim_all(threads: Threads, *, limit: int = 100, owner: str = "worker") -> list[Claim]:
    """Take and claim what is ready, in all partitions."""
    found: list[Claim] = []
    for p in await threads.partitions.all():
        found += await threads.claim(p, await threads.reserve(p, "ready", limit), owner)
    return found


async def claim(threads: Threads, owner: str = "worker") -> Claim:
    """Take and claim the one thread that is ready."""
    (found,) = await claim_all(threads, owner=owner)
    return found


async def lapse(threads: Threads, queue: keys.Queue = "ready", thread: str = THREAD) -> None:
    """A lease ends, or a delay is over: now, and without waiting for it."""
    await threads.database.call("ZADD", keys.queue(await threads.locate(thread), queue), "XX", 1, thread)
    # No lease is so short that two of a thread could end in one millisecond.
    now = await threads.database.now()
    while await threads.database.now() == now:
        pass


def reply(key: str, thread: str = THREAD, text: str = "") -> Reply:
    """A reply on its way to `thread`."""
    return Reply(key=key, thread=thread, text=text or f"reply {key}", address={"issue": 1})


def turn(
    claim: Claim, *replies: Reply, more: bool = True, state: bytes = b"", stream_events: Sequence[EncodedEvent] = ()
) -> Commit:
    """A finished turn: its event and one answer as history."""
    event = claim.entries[0].event
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        turn=event.id,
        handled=1,
        messages=[
            Message(role="user", text=event.text, turn=event.id, author=event.author),
            Message(role="assistant", text="yes", turn=event.id),
        ],
        replies=replies,
        agent="helper",
        state=state,
        patience=NO_LIMIT if more else 0,
        position=claim.position,
        stream_events=stream_events,
    )


def step(claim: Claim, name: str, *replies: Reply, record: bytes = b"done") -> Step:
    """A step of the turn in flight."""
    return Step(claim.thread, claim.fence, claim.owner, claim.position, name, record, replies)


def letter(claim: Claim, reason: str = "it always fails") -> DeadLetter:
    """The dead letter of the event at the head of a claim."""
    return DeadLetter(id=claim.entries[0].event.id, kind="event", thread=claim.thread, reason=reason)


async def dead_letter(threads: Threads, claim: Claim, journal: dict[str, bytes] | None = None) -> None:
    """Move the event at the head of a claim to the dead letters."""
    await threads.dead_letter(claim, letter(claim), Entry(claim.entries[0].event, journal or {}))


async def post(threads: Threads, *names: str, thread: str = THREAD, number: int = 900) -> None:
    """Answer an event with replies of these names, so that they lie in the outbox."""
    await accept(threads, number, thread=thread)
    held = await claim(threads)
    await threads.commit(turn(held, *(reply(name, thread) for name in names)))


async def courier(threads: Threads, outbox: Outbox, limit: int = 100, owner: str = "worker") -> list[Outgoing]:
    """Take and claim every outbox that is due."""
    found: list[Outgoing] = []
    for p in await threads.partitions.all():
        found += await outbox.claim(p, await threads.reserve(p, "due", limit), owner)
    return found


BROKEN: tuple[type[BaseException], ...] = (AssertionError, LeaseLost, pytest.fail.Exception)
"""What a test raises when the store does not keep its promise."""


def mutate(threads: Threads, script: str, old: str, new: str) -> None:
    """Change a script of these threads, and of nobody else."""
    found: Script = getattr(threads.scripts, script)
    source = found.source.replace(old.encode(), new.encode())
    assert source != found.source, f"{script} has no {old!r}"
    found.source, found.sha = source, hashlib.sha1(source, usedforsecurity=False).hexdigest()


async def dump(database: Database) -> dict[bytes, Any]:
    """Everything that lies in Redis, to be compared, but for the lease clocks, which go on."""
    found = [key for key in sorted(await database.call("KEYS", "*")) if not key.endswith(b":clock")]
    return {key: await database.call("DUMP", key) for key in found}


async def counters(threads: Threads) -> dict[str, int]:
    """The counters, summed over the partitions, without those that are 0."""
    found: dict[str, int] = {}
    for p in await threads.partitions.all():
        for name, value in (await threads.database.call("HGETALL", keys.counters(p))).items():
            found[name.decode()] = found.get(name.decode(), 0) + int(value)
    return {name: value for name, value in found.items() if value and name != "fence"}


async def inbox(threads: Threads, thread: str = THREAD) -> int:
    """How many events wait in a thread."""
    length: int = await threads.database.call("LLEN", keys.inbox(threads.partitions.current.of(thread), thread))
    return length


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait for a state."""
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.005)


class Work(NamedTuple):
    """What a claimer does, as two functions."""

    claim: Callable[[keys.Partition, Reservation], Coroutine[Any, Any, Sequence[Claim]]]
    run: Callable[[Claim], Coroutine[Any, Any, None]]
    paused: bool = False


def leases_of(threads: Threads, lease: float = 5) -> Leases:
    """The leases of "worker", which runs no turns."""
    return Leases(threads, Running(threads, Counters()), lease=lease, owner="worker")


async def content_of(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Yield data in pieces, as an upload arrives."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
