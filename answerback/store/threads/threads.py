"""The lifecycle of a thread: accept · take · claim · gather · extend · step · emit · commit · release · bury.

One worker at a time holds a thread: its lease is the thread's score in `ready`, its fence a number that only grows.
Every write to a thread carries the fence and the owner. A write with an outdated fence changes nothing and raises
`LeaseLost`; so does one of another owner, since a Redis that lost its last writes (a failover, a crash) may issue the
same fence again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from answerback.errors import LeaseLost, MalformedBody
from answerback.events import Amendment, Entry, Event, dispatch_id
from answerback.messages import Message, TurnEnd
from answerback.replies import DeadLetter
from answerback.store import decode, keys
from answerback.store.batching import Batcher
from answerback.store.redis import Database, Value
from answerback.store.scripts import Part, Scripts
from answerback.store.threads import amendments
from answerback.store.threads.leases import Reservation, Reservations
from answerback.store.threads.receipt import Only, Receipt
from answerback.store.threads.records import (
    SUSPECT,
    Claim,
    Commit,
    Release,
    Step,
    StreamAppend,
    StreamEvent,
    delta_words,
    end_words,
    reply_words,
)

_encode = msgspec.msgpack.Encoder().encode


class Threads(Reservations):
    """The threads of one Redis.

    lease   in seconds
    window  number of events that a claim or commit returns
    pause   seconds without a message after which a bot loop counts as ended
    """

    def __init__(
        self,
        database: Database,
        *,
        partitions: int = 1,
        lease: float = 5.0,
        seen_days: float = 7.0,
        window: int = 1,
        history: int = 200,
        pause: float = 120.0,
    ) -> None:
        super().__init__(database, Scripts(database), lease)
        self.partitions = partitions
        self.window = window
        self._seen = int(seen_days * 86_400_000)
        self._history = history
        self._pause = int(pause * 1000)
        self._accepts: list[Batcher[Part, bytes]] = []
        self._steps: list[Batcher[Part, int]] = []
        self._emissions: list[Batcher[Part, int]] = []
        self._commits: list[Batcher[Part, list[bytes] | None]] = []
        for p in range(partitions):
            ready = [keys.queue(p, "ready"), keys.wake(p, "ready")]
            due = [keys.queue(p, "due"), keys.wake(p, "due")]
            dead = [keys.dead(p), keys.letters(p), keys.graves(p)]
            counters, threads = keys.counters(p), keys.threads(p)
            self._accepts.append(
                self.scripts.accept.grouped(
                    [*ready, keys.marks(p), counters, threads, *dead, keys.clock(p)], [self._seen, keys.signals()]
                )
            )
            self._steps.append(self.scripts.step.grouped([*due, keys.clock(p)], []))
            self._emissions.append(self.scripts.emit.grouped([], []))
            self._commits.append(
                self.scripts.commit.grouped(
                    [*ready, *due, counters, threads, keys.clock(p)], [self._lease, window], limit=40, flights=2
                )
            )

    def partition(self, thread: str) -> int:
        """Return the partition of a thread."""
        return keys.partition(thread, self.partitions)

    # Ingress -------------------------------------------------------------------------------------

    async def accept(self, event: Event, only: Only = "", lists: Sequence[str] = ()) -> Receipt:
        """Store an event once. It is stored when this returns; the call may be repeated for the same event.

        Args:
            only: a condition on the event's chat.
            lists: the two keys in which that chat is listed.

        Raises:
            MalformedBody: the event cannot be stored.
            NoSuchThread, ThreadEnded, Busy: the condition is not met.
        """
        found = await self._accept(event, b"", only, lists)
        while found.startswith(b"amended\n"):
            # Its edit or deletion arrived first.
            raw = found.partition(b"\n")[2]
            if raw == amendments.DELETED:
                return Receipt(event.id, event.thread, "ignored", "its message was deleted before it came")
            # The amendment may have expired meanwhile.
            edited = amendments.applied(event, raw) if raw else event
            found = await self._accept(edited, raw, only, lists)
        return Receipt.read(event.id, event.thread, found)

    async def _accept(self, event: Event, edit: bytes, only: Only, lists: Sequence[str]) -> bytes:
        p, id, thread, platform = self.partition(event.thread), event.id, event.thread, event.platform
        identities = "\n".join([f"{platform}:{identity}" for identity in event.identities])
        return await self._accepts[p].submit(
            (
                [
                    keys.seen(p, event.delivery), keys.seen(p, event.former or event.delivery),
                    keys.thread(p, thread), keys.inbox(p, thread), keys.amended(p, thread), *lists,
                ],
                [
                    id, thread, _stored(Entry(event)), identities,
                    platform, event.channel, event.title, event.url, event.arrival, only,
                    dispatch_id(event.former) if event.former else id,
                    "" if platform == "chat" else self._pause, int(event.author.kind != "bot"),
                    b"" if event.edited == "mention" else _words(event.message), edit,
                ],
            )
        )  # fmt: skip

    async def amend(self, amendment: Amendment) -> Receipt:
        """Change the waiting event of an edited or deleted message, or one that arrives later.

        If none is waiting, an edit that added a mention becomes an event of its own, once. Raises `MalformedBody` if it
        cannot be stored.
        """
        _stored(amendment)
        p = self.partition(amendment.thread)
        receipt, event = await amendments.amend(self.database, self.scripts, p, amendment)
        if event is None:
            return receipt
        found = await self.accept(event)
        return msgspec.structs.replace(found, reason="an edit added a mention") if found.status == "accepted" else found

    # Worker --------------------------------------------------------------------------------------

    async def claim(
        self, p: int, taken: Reservation, owner: str, *, suspects: int | None = None, fatal: int = 0
    ) -> list[Claim]:
        """Claim the reserved threads. Those whose reservation has expired are left out.

        At most `suspects` of them are suspects (see `Claim.suspect`); the others have to wait. A thread whose event
        becomes a dead letter after one more crash (`fatal` in total) is claimed alone, and the others are released.
        """
        names = [keys.queue(p, "ready"), keys.retrying(p, "ready"), keys.counters(p), keys.wake(p, "ready")]
        names.append(keys.clock(p))
        for id in taken.threads:
            names += (keys.thread(p, id), keys.inbox(p, id), keys.history(p, id), keys.journal(p, id))
            names.append(keys.deltas(p, id))
        room = len(taken.threads) if suspects is None else suspects
        found = await self.scripts.claim(
            names,
            [taken.till, owner, self.window, self._history, SUSPECT, room, self._lease // 5, fatal, *taken.threads],
        )
        return [
            Claim.read(thread, owner, claimed)
            for thread, claimed in zip(taken.threads, found, strict=True)
            if claimed is not None
        ]

    async def gather(self, claim: Claim, limit: int, *, interruptible: bool) -> float:
        """Take up to `limit` of a thread's events into `claim.entries`, for one turn.

        Return the seconds since the last change in the thread. Raises `LeaseLost`.
        """
        p, id = self.partition(claim.thread), claim.thread
        found = await self.scripts.take_more_events(
            [keys.thread(p, id), keys.inbox(p, id), keys.threads(p)],
            [id, claim.fence, limit, int(interruptible), claim.owner],
        )
        if found is None:
            raise LeaseLost
        claim.entries = [decode.entry(raw, id) for raw in found[0]]
        return float(found[1]) / 1000

    async def step(self, step: Step) -> None:
        """Write a journal entry. Raises `LeaseLost`."""
        p, id = self.partition(step.thread), step.thread
        names = [keys.thread(p, id), keys.journal(p, id), keys.outbox(p, id), keys.unsent(p, id)]
        args: list[Value] = [
            id, step.fence, step.owner, step.position, step.name.encode(), step.record, *reply_words(step)
        ]  # fmt: skip
        if not await self._steps[p].submit((names, args)):
            raise LeaseLost

    async def emit(self, emission: StreamAppend) -> None:
        """Append and publish stream events of a turn. Raises `LeaseLost`."""
        p, id = self.partition(emission.thread), emission.thread
        args: list[Value] = [
            emission.fence, emission.owner, emission.position, len(emission.deltas), *delta_words(emission.deltas)
        ]  # fmt: skip
        if not await self._emissions[p].submit(([keys.thread(p, id), keys.deltas(p, id)], args)):
            raise LeaseLost

    async def commit(self, commit: Commit) -> list[Entry]:
        """Commit a turn. Return the thread's next entries, under the same lease; none if the thread was released.

        Raises `LeaseLost`, in which case nothing was changed. May be repeated if the response was lost.
        """
        p, id = self.partition(commit.thread), commit.thread
        names = [
            keys.thread(p, id), keys.inbox(p, id), keys.history(p, id),
            keys.journal(p, id), keys.outbox(p, id), keys.unsent(p, id), keys.deltas(p, id), keys.ends(p, id),
        ]  # fmt: skip
        args: list[Value] = [
            id, commit.fence, commit.owner, commit.position, commit.turn, commit.handled,
            commit.patience if commit.more else 0,
            commit.agent.encode(), commit.state, commit.loop,
            *end_words(commit.end, commit.replaced, commit.messages), *reply_words(commit),
            len(commit.deltas), *delta_words(commit.deltas),
        ]  # fmt: skip
        entries = await self._commits[p].submit((names, args))
        if entries is None:
            raise LeaseLost
        return [decode.entry(raw, id) for raw in entries]

    async def release(
        self,
        claim: Claim,
        how: Release = "failed",
        *,
        delay: float = 0,
        error: str = "",
        end: TurnEnd | None = None,
        replaced: Sequence[Message] = (),
        messages: Sequence[Message] = (),
        deltas: Sequence[StreamEvent] = (),
    ) -> None:
        """Release a thread: for another attempt in `delay` seconds, unchanged, or interrupted.

        An interrupted turn leaves its end and its `messages`, which replace `replaced`, and starts again with all
        waiting events. Raises `LeaseLost`.
        """
        p, id = self.partition(claim.thread), claim.thread
        held = await self.scripts.release(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"), keys.counters(p),
                keys.thread(p, id), keys.journal(p, id), keys.inbox(p, id), keys.history(p, id), keys.deltas(p, id),
                keys.clock(p), keys.ends(p, id),
            ],
            [
                id, claim.fence, int(delay * 1000), how, error, claim.owner,
                *end_words(end, replaced, messages), *delta_words(deltas),
            ],
        )  # fmt: skip
        if not held:
            raise LeaseLost

    async def bury(
        self,
        claim: Claim,
        letter: DeadLetter,
        entry: Entry,
        *,
        handled: int = 1,
        end: TurnEnd | None = None,
        replaced: Sequence[Message] = (),
        messages: Sequence[Message] = (),
        deltas: Sequence[StreamEvent] = (),
    ) -> None:
        """Move the `handled` events of a turn to the dead letters; `entry` is what a replay puts back.

        The turn's end and the users' `messages` stay in the thread. Undecodable data is kept unchanged, and a
        redelivery of it stays a duplicate. Raises `LeaseLost`.
        """
        unreadable = isinstance(entry, decode.Unreadable)
        kept = decode.Opaque(entry.raw, claim.journal) if isinstance(entry, decode.Unreadable) else entry
        p, id = self.partition(claim.thread), claim.thread
        held = await self.scripts.bury(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.counters(p), keys.dead(p), keys.letters(p),
                keys.graves(p), keys.thread(p, id), keys.inbox(p, id), keys.journal(p, id),
                keys.seen(p, entry.event.delivery), keys.deltas(p, id), keys.clock(p), keys.ends(p, id),
                keys.history(p, id),
            ],
            [
                id, claim.fence, letter.id, _encode(kept), _encode(letter), 0 if unreadable else self._seen, handled,
                claim.owner,
                *end_words(end, replaced, messages), *delta_words(deltas),
            ],
        )  # fmt: skip
        if not held:
            raise LeaseLost

    # Any process ------------------------------------------------------------------------------------

    async def cancel(self, id: str) -> bool:
        """Cancel the running turn of a thread, or the next one if none is running. Return whether there was one."""
        p = self.partition(id)
        found = await self.scripts.cancel(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"),
                keys.thread(p, id), keys.inbox(p, id), keys.clock(p),
            ],
            [id, keys.signals()],
        )  # fmt: skip
        return bool(found)

    async def own(self, platform: str, marks: Iterable[str]) -> None:
        """Replace the marks of our own messages on a platform, such as "user:583231".

        Unchanged marks are not written.
        """
        ours = {f"{platform}:{mark}".encode() for mark in marks}
        for p in range(self.partitions):
            kept = {mark for mark in await self.database.call("SMEMBERS", keys.marks(p)) if _of(platform, mark)}
            changes: list[tuple[Value, ...]] = []
            if missing := ours - kept:
                changes.append(("SADD", keys.marks(p), *missing))
            if former := kept - ours:
                changes.append(("SREM", keys.marks(p), *former))
            if changes:
                await self.database.together(*changes)


def _words(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _of(platform: str, mark: bytes) -> bool:
    return mark.startswith(f"{platform}:".encode())


def _stored(message: Entry | Amendment) -> bytes:
    try:
        return _encode(message)
    except (UnicodeEncodeError, OverflowError) as error:
        raise MalformedBody(f"cannot be stored: {error}") from error
