"""A thread's way through the store: accept · take · claim · extend · step · commit · release · bury.

One worker at a time holds a thread: its lease is the thread's score in `ready`, its fence a number
that only grows. Every write on a thread's behalf names the fence, and one that is no longer the
newest changes nothing and raises `LeaseLost`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import msgspec

from answerback.errors import LeaseLost, MalformedBody
from answerback.messages import Amendment, DeadLetter, Entry, Event, Message
from answerback.store import amendments, keys
from answerback.store.claim import SUSPECT, Claim, Commit, Step
from answerback.store.connection import Database, Value
from answerback.store.group import Group
from answerback.store.receipt import Receipt
from answerback.store.scripts import Part, Scripts

_encode = msgspec.msgpack.Encoder().encode
_entry = msgspec.msgpack.Decoder(Entry).decode
_message = msgspec.msgpack.Decoder(Message).decode


class Taken(msgspec.Struct, frozen=True):
    """Threads reserved until `till` (ms), and in how many ms the next one becomes claimable (None: not known)."""

    till: int
    threads: tuple[str, ...]
    wait: int | None


class Threads:
    """The threads of one Redis. `lease` is in seconds; `window` is how many events a claim or commit hands over."""

    def __init__(
        self,
        database: Database,
        *,
        partitions: int = 1,
        lease: float = 5.0,
        seen_days: float = 7.0,
        window: int = 1,
        history: int = 200,
    ) -> None:
        self.database = database
        self.partitions = partitions
        self.scripts = Scripts(database)
        self.window = window
        self._lease = int(lease * 1000)
        self._seen = int(seen_days * 86_400_000)
        self._history = history
        self._ahead = 0
        self._accepts: list[Group[Part, bytes]] = []
        self._steps: list[Group[Part, int]] = []
        self._commits: list[Group[Part, list[bytes] | None]] = []
        for p in range(partitions):
            ready = [keys.queue(p, "ready"), keys.wake(p, "ready")]
            due = [keys.queue(p, "due"), keys.wake(p, "due")]
            dead = [keys.dead(p), keys.letters(p), keys.graves(p)]
            counters, threads = keys.counters(p), keys.threads(p)
            self._accepts.append(
                self.scripts.accept.grouped([*ready, keys.marks(p), counters, threads, *dead], [self._seen])
            )
            self._steps.append(self.scripts.step.grouped(due, []))
            self._commits.append(
                self.scripts.commit.grouped(
                    [*ready, *due, counters, threads], [self._lease, window], limit=40, flights=2
                )
            )

    def partition(self, thread: str) -> int:
        """The partition of a thread."""
        return keys.partition(thread, self.partitions)

    # Ingress -------------------------------------------------------------------------------------

    async def accept(self, event: Event) -> Receipt:
        """Store an event once. When this returns, it is stored; it may be called again for the same event.

        Raises `MalformedBody` for one that cannot be stored at all.
        """
        p, id, thread, platform = self.partition(event.thread), event.id, event.thread, event.platform
        identities = "\n".join([f"{platform}:{identity}" for identity in event.identities])
        status = await self._accepts[p].submit(
            (
                [keys.seen(p, event.delivery), keys.thread(p, thread), keys.inbox(p, thread)],
                [
                    id, thread, _stored(Entry(event)), identities,
                    platform, event.channel, event.title, event.url,
                ],
            )
        )  # fmt: skip
        match status:
            case b"duplicate":
                return Receipt(id, thread, "duplicate")
            case b"own":
                return Receipt(id, thread, "ignored", "our own message")
            case b"revived":
                return Receipt(id, thread, "accepted", "taken back from the dead letters")
            case _:
                return Receipt(id, thread, "accepted")

    async def amend(self, amendment: Amendment) -> Receipt:
        """Change the waiting event of an edited or deleted message; anything else stays as it is.

        Raises `MalformedBody` for one that cannot be stored at all.
        """
        _stored(amendment)
        return await amendments.amend(self.database, self.scripts, self.partition(amendment.thread), amendment)

    # Worker --------------------------------------------------------------------------------------

    async def take(self, p: int, queue: keys.Queue, limit: int) -> Taken:
        """Reserve up to `limit` claimable threads of a queue for one lease."""
        till, ids, wait = await self.scripts.take(
            [keys.queue(p, queue), keys.wake(p, queue), keys.retrying(p, queue)], [limit, self._lease]
        )
        self._ahead = till - self._lease - _monotonic()
        return Taken(till, tuple(id.decode() for id in ids), wait if wait >= 0 else None)

    @property
    def now(self) -> int:
        """The time of Redis, ms, as the last `take` told it: no clock of ours is trusted, none is asked."""
        return _monotonic() + self._ahead

    async def doze(self, p: int, queue: keys.Queue, seconds: float) -> None:
        """Wait until a token says that a queue has something new, or until the time is over."""
        await self.database.wait("BLPOP", keys.wake(p, queue), seconds=seconds)

    async def wake(self, p: int, queue: keys.Queue) -> None:
        """Wake one worker that dozes on a queue."""
        await self.database.call("RPUSH", keys.wake(p, queue), "")

    async def claim(self, p: int, taken: Taken, owner: str, *, suspects: int | None = None) -> list[Claim]:
        """The work of the threads that were taken. One whose reservation ran out is left out.

        At most `suspects` of them are suspects (see `Claim.suspect`); the others have to wait.
        """
        names = [keys.queue(p, "ready"), keys.retrying(p, "ready")]
        for id in taken.threads:
            names += (keys.thread(p, id), keys.inbox(p, id), keys.history(p, id), keys.journal(p, id))
        room = len(taken.threads) if suspects is None else suspects
        found = await self.scripts.claim(
            names,
            [taken.till, owner, self.window, self._history, SUSPECT, room, self._lease // 5, *taken.threads],
        )
        return [
            Claim.read(thread, claimed)
            for thread, claimed in zip(taken.threads, found, strict=True)
            if claimed is not None
        ]

    async def extend(self, p: int, leases: Sequence[tuple[keys.Queue, str, int]]) -> list[bool]:
        """Renew leases given as (queue, thread, fence); False for each that is lost."""
        names = [keys.queue(p, "ready"), keys.queue(p, "due"), *(keys.thread(p, id) for _, id, _ in leases)]
        args: list[Value] = [self._lease]
        for lease in leases:
            args += lease
        return [bool(held) for held in await self.scripts.extend(names, args)]

    async def step(self, step: Step) -> None:
        """Write a journal entry. Raises `LeaseLost`."""
        p, id = self.partition(step.thread), step.thread
        names = [keys.thread(p, id), keys.journal(p, id), keys.outbox(p, id), keys.unsent(p, id)]
        args: list[Value] = [id, step.fence, step.position, step.name.encode(), step.record, *_replies(step)]
        if not await self._steps[p].submit((names, args)):
            raise LeaseLost

    async def commit(self, commit: Commit) -> list[Entry]:
        """Commit a turn. Returns the thread's next entries, still ours; none when it was given up.

        Raises `LeaseLost`; then nothing was changed. May be repeated when its answer was lost.
        """
        p, id = self.partition(commit.thread), commit.thread
        names = [
            keys.thread(p, id), keys.inbox(p, id), keys.history(p, id),
            keys.journal(p, id), keys.outbox(p, id), keys.unsent(p, id),
        ]  # fmt: skip
        args: list[Value] = [
            id, commit.fence, commit.position, commit.turn, commit.handled, int(commit.more),
            commit.agent.encode(), commit.state,
            len(commit.messages), *map(_encode, commit.messages), *_replies(commit),
        ]  # fmt: skip
        entries = await self._commits[p].submit((names, args))
        if entries is None:
            raise LeaseLost
        return [_entry(entry) for entry in entries]

    async def release(self, claim: Claim, *, delay: float = 0, error: str = "", failed: bool = True) -> None:
        """Give a thread up: for another try in `delay` seconds, or, with `failed` False, handed back as it was."""
        p, id = self.partition(claim.thread), claim.thread
        held = await self.scripts.release(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"), keys.counters(p),
                keys.thread(p, id), keys.journal(p, id),
            ],
            [id, claim.fence, int(delay * 1000), "failed" if failed else "handed back", error],
        )  # fmt: skip
        if not held:
            raise LeaseLost

    async def bury(self, claim: Claim, letter: DeadLetter, entry: Entry) -> None:
        """Move the event at the head of the thread to the dead letters; `entry` is what a replay puts back."""
        p, id = self.partition(claim.thread), claim.thread
        held = await self.scripts.bury(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.counters(p), keys.dead(p), keys.letters(p),
                keys.graves(p), keys.thread(p, id), keys.inbox(p, id), keys.journal(p, id),
                keys.seen(p, entry.event.delivery),
            ],
            [id, claim.fence, letter.id, _encode(entry), _encode(letter), self._seen],
        )  # fmt: skip
        if not held:
            raise LeaseLost

    # Everyone ------------------------------------------------------------------------------------

    async def own(self, marks: Iterable[str]) -> None:
        """From now on, an event with one of these identities ("github:user:583231") is our own message."""
        if found := list(marks):
            for p in range(self.partitions):
                await self.database.call("SADD", keys.marks(p), *found)


def _stored(message: Entry | Amendment) -> bytes:
    try:
        return _encode(message)
    except (UnicodeEncodeError, OverflowError) as error:
        raise MalformedBody(f"cannot be stored: {error}") from error


def _replies(of: Step | Commit) -> list[Value]:
    args: list[Value] = [len(of.replies)]
    for reply in of.replies:
        args += (reply.key, _encode(reply))
    return args


def _monotonic() -> int:
    return int(time.monotonic() * 1000)
