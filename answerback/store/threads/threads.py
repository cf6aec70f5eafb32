"""The lifecycle of a thread: accept · reserve · claim · extend · step · emit · commit · release · dead-letter.

Getting events in is in `inbox`, reserving and extending in `leases`, claiming in `claims`.

One worker at a time holds a thread: its lease is the thread's score in `ready`, its fence a number that only grows.
Every write to a thread carries the fence and the owner. A write with an outdated fence changes nothing and raises
`LeaseLost`; so does one of another owner, since a Redis that lost its last writes (a failover, a crash) may issue the
same fence again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from answerback.codec import encode
from answerback.errors import LeaseLost
from answerback.events import Entry
from answerback.messages import Message, TurnEnd
from answerback.replies import DeadLetter, Reply, StreamedReply
from answerback.store import decode, keys
from answerback.store.batching import Batcher
from answerback.store.keys import Partition
from answerback.store.partitions import OfPartitions
from answerback.store.redis import Database
from answerback.store.scripts import Part
from answerback.store.stream.events import EncodedEvent
from answerback.store.threads.claims import ThreadClaims
from answerback.store.threads.records import (
    Claim,
    Commit,
    Release,
    Step,
    StreamAppend,
    encoded_replies,
    flattened,
)


class Threads(ThreadClaims):
    """The threads of one Redis.

    Args:
        lease: In seconds.
        window: Number of events that a claim or commit returns.
        history: Number of messages that a claim returns.
        version: The version of the agents' code that this worker runs, of at most 64 characters, in one line.
    """

    def __init__(
        self,
        database: Database,
        *,
        partitions: int | None = None,
        lease: float = 5.0,
        seen_days: float = 7.0,
        window: int = 1,
        history: int = 200,
        pause: float = 120.0,
        version: str = "",
    ) -> None:
        super().__init__(
            database,
            partitions=partitions,
            lease=lease,
            seen_days=seen_days,
            window=window,
            history=history,
            pause=pause,
            version=version,
        )
        self._steps = OfPartitions(self._steps_of)
        self._appends = OfPartitions(self._appends_of)
        self._commits = OfPartitions(self._commits_of)

    def _steps_of(self, p: Partition) -> Batcher[Part, int]:
        due = [keys.queue(p, "due"), keys.wake(p, "due"), keys.clock(p)]
        return self.scripts.step.grouped(due, self.scripts.step.args(version=self.version))

    def _appends_of(self, p: Partition) -> Batcher[Part, int]:
        return self.scripts.emit.grouped([], [])

    def _commits_of(self, p: Partition) -> Batcher[Part, list[bytes | int] | None]:
        return self.scripts.commit.grouped(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.queue(p, "due"), keys.wake(p, "due"),
                keys.counters(p), keys.threads(p), keys.clock(p),
            ],
            self.scripts.commit.args(lease=self._lease, window=self.window),
            limit=50, flights=2,
        )  # fmt: skip

    # Worker --------------------------------------------------------------------------------------

    async def step(self, step: Step) -> None:
        """Write a journal entry. Raises `LeaseLost`."""
        p, id = await self.locate(step.thread), step.thread
        names = [keys.thread(p, id), keys.journal(p, id), keys.outbox(p, id), keys.unsent(p, id)]
        args = self.scripts.step.item(
            id=id,
            fence=step.fence,
            owner=step.owner,
            position=step.position,
            name=step.name.encode(),
            record=step.record,
            concludes=int(step.concludes),
            replies=encoded_replies(step.replies),
        )
        if not await self._steps[p].submit((names, args)):
            raise LeaseLost

    async def show(self, claim: Claim, streamed: StreamedReply, *, first: bool = False) -> bool:
        """Store which messages show the reply that is being written, and restart the lease. Raises `LeaseLost`.

        Nothing is stored, and False returned, if it is the `first` message and earlier replies are still to be sent.
        """
        p, id = await self.locate(claim.thread), claim.thread
        stored = await self.scripts.show(
            [keys.queue(p, "ready"), keys.clock(p), keys.thread(p, id), keys.unsent(p, id)],
            id=id,
            fence=claim.fence,
            owner=claim.owner,
            position=claim.position,
            lease=self._lease,
            streamed=encode(streamed) if streamed.messages else b"",
            first=int(first),
        )
        if not stored:
            raise LeaseLost
        return int(stored) == 1

    async def emit(self, append: StreamAppend) -> None:
        """Append and publish stream events of a turn. Raises `LeaseLost`."""
        p, id = await self.locate(append.thread), append.thread
        args = self.scripts.emit.item(
            fence=append.fence,
            owner=append.owner,
            position=append.position,
            events=flattened(append.events),
        )
        if not await self._appends[p].submit(([keys.thread(p, id), keys.stream_events(p, id)], args)):
            raise LeaseLost

    async def commit(self, commit: Commit, sends: Callable[[Partition, int], object] | None = None) -> list[Entry]:
        """Commit a turn. Return the thread's next entries, under the same lease; none if the thread was released.

        Args:
            sends: Is called with the partition and the fence if the outbox is handed over to the owner: the first
                reply is to be sent now, as one that `Outbox.claim` returned.

        Raises `LeaseLost`, in which case nothing was changed. May be repeated if the response was lost.
        """
        p, id = await self.locate(commit.thread), commit.thread
        names = [
            keys.thread(p, id), keys.inbox(p, id), keys.history(p, id), keys.journal(p, id),
            keys.outbox(p, id), keys.unsent(p, id), keys.stream_events(p, id), keys.turn_ends(p, id),
        ]  # fmt: skip
        args = self.scripts.commit.item(
            id=id,
            fence=commit.fence,
            owner=commit.owner,
            position=commit.position,
            turn=commit.turn,
            handled=commit.handled,
            patience=commit.patience,
            agent=commit.agent.encode(),
            state=commit.state,
            loop=commit.loop,
            attention=commit.attention,
            ended=encode(commit.end) if commit.end else b"",
            sends=int(sends is not None),
            replaced=[*map(encode, commit.replaced)],
            messages=[*map(encode, commit.messages)],
            replies=encoded_replies(commit.replies),
            events=flattened(commit.stream_events),
        )
        entries = await self._commits[p].submit((names, args))
        if entries is None:
            raise LeaseLost
        fence = entries.pop(0) if entries and isinstance(entries[0], int) else None
        if sends and isinstance(fence, int):
            sends(p, fence)
        return [decode.entry(raw, id) for raw in entries if isinstance(raw, bytes)]

    async def release(
        self,
        claim: Claim,
        how: Release = "failed",
        *,
        delay: float = 0,
        error: str = "",
        pause: str = "",
        end: TurnEnd | None = None,
        replaced: Sequence[Message] = (),
        messages: Sequence[Message] = (),
        stream_events: Sequence[EncodedEvent] = (),
        replies: Sequence[Reply] = (),
    ) -> None:
        """Release a thread: for another attempt in `delay` seconds, unchanged, interrupted, or to start over.

        An interrupted turn leaves its end and its `messages`, which replace `replaced`, and starts again with all
        waiting events; `replies` are all that becomes of what it streamed. With `pause`, such as "agent:support", it
        waits until that is resumed. Raises `LeaseLost`.
        """
        p, id = await self.locate(claim.thread), claim.thread
        held = await self.scripts.release(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"), keys.counters(p),
                keys.thread(p, id), keys.journal(p, id), keys.inbox(p, id), keys.history(p, id),
                keys.stream_events(p, id), keys.clock(p), keys.turn_ends(p, id), keys.parked(p),
                keys.paused(p, "ready"), keys.queue(p, "due"), keys.wake(p, "due"), keys.outbox(p, id),
                keys.unsent(p, id),
            ],
            id=id,
                fence=claim.fence,
                delay=int(delay * 1000),
                how=how,
                error=error,
                owner=claim.owner,
                ended=encode(end) if end else b"",
                signals=keys.signals(),
                pause=pause,
                replaced=[encode(message) for message in replaced],
                messages=[encode(message) for message in messages],
                events=flattened(stream_events),
                replies=encoded_replies(replies),
        )  # fmt: skip
        if not held:
            raise LeaseLost

    async def dead_letter(
        self,
        claim: Claim,
        letter: DeadLetter,
        entry: Entry,
        *,
        handled: int = 1,
        end: TurnEnd | None = None,
        replaced: Sequence[Message] = (),
        messages: Sequence[Message] = (),
        stream_events: Sequence[EncodedEvent] = (),
        replies: Sequence[Reply] = (),
    ) -> None:
        """Move the `handled` events of a turn to the dead letters; `entry` is what a replay puts back.

        The turn's end and the users' `messages` stay in the thread; `replies` remove what was streamed. Undecodable
        data is kept unchanged, and a redelivery of it stays a duplicate. Raises `LeaseLost`.
        """
        unreadable = isinstance(entry, decode.Unreadable)
        payload = decode.Opaque(entry.raw, claim.journal) if isinstance(entry, decode.Unreadable) else entry
        p, id = await self.locate(claim.thread), claim.thread
        held = await self.scripts.dead_letter(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.counters(p),
                keys.dead_letter_times(p), keys.dead_letters(p), keys.dead_letter_payloads(p),
                keys.thread(p, id), keys.inbox(p, id), keys.journal(p, id),
                keys.seen(p, entry.event.delivery), keys.stream_events(p, id), keys.clock(p), keys.turn_ends(p, id),
                keys.history(p, id), keys.queue(p, "due"), keys.wake(p, "due"), keys.outbox(p, id), keys.unsent(p, id),
            ],
            id=id,
                fence=claim.fence,
                turn=letter.id,
                payload=encode(payload),
                letter=encode(letter),
                seen=0 if unreadable else self.seen,
                handled=handled,
                owner=claim.owner,
                ended=encode(end) if end else b"",
                replaced=[encode(message) for message in replaced],
                messages=[encode(message) for message in messages],
                events=flattened(stream_events),
                replies=encoded_replies(replies),
        )  # fmt: skip
        if not held:
            raise LeaseLost

    async def resume(self, p: Partition, queue: keys.Queue, paused: Collection[str]) -> int:
        """Put back the threads that wait for what is not in `paused` any more. Return how many."""
        names = [keys.queue(p, queue), keys.wake(p, queue), keys.paused(p, queue)]
        return int(await self.scripts.resume(names, paused=[*paused]))

    # Any process ------------------------------------------------------------------------------------

    async def cancel(self, id: str) -> bool:
        """Cancel the running turn of a thread, or the next one if none is running. Return whether there was one."""
        async for p in self.partitions.places(id):
            cancelled = await self.scripts.cancel(
                [
                    keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"),
                    keys.thread(p, id), keys.inbox(p, id), keys.clock(p),
                ],
                id=id,
                signals=keys.signals(),
            )  # fmt: skip
            if cancelled:
                return True
        return False
