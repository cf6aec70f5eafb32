"""The outbox: claim · mark sending · settle · defer · confirm. One worker at a time sends a thread's replies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.codec import encode
from answerback.errors import LeaseLost
from answerback.events import Event
from answerback.notifications import ReplyStatus
from answerback.replies import DeadLetter, Reply
from answerback.store import decode, keys
from answerback.store.batching import Batcher
from answerback.store.decode import UnreadableReply
from answerback.store.keys import Partition
from answerback.store.partitions import OfPartitions
from answerback.store.scripts import Part
from answerback.store.stream.events import EncodedEvent, ReplyEvent, encode_event
from answerback.store.threads.leases import Reservation
from answerback.store.threads.records import encoded_replies, flattened
from answerback.store.threads.threads import Threads


class Outgoing(msgspec.Struct, frozen=True):
    """A claimed outbox and the reply at its head. `owner` and `fence` as in `Claim`."""

    thread: str
    fence: int
    owner: str
    reply: Reply


class Outbox:
    """The outboxes of all threads."""

    def __init__(self, threads: Threads, *, lease: float = 5.0) -> None:
        self._threads = threads
        self._database = threads.database
        self._scripts = threads.scripts
        self._lease = int(lease * 1000)
        self._marks = OfPartitions(self._marks_of)

    def _marks_of(self, p: Partition) -> Batcher[Part, int]:
        return self._scripts.mark_sending.grouped(
            [keys.queue(p, "due"), keys.clock(p)], self._scripts.mark_sending.args(lease=self._lease)
        )

    async def claim(self, p: Partition, reservation: Reservation, owner: str) -> list[Outgoing]:
        """Claim the outboxes reserved from `due`, each with its next reply."""
        names = [keys.queue(p, "due"), keys.counters(p)]
        for id in reservation.threads:
            names += (keys.thread(p, id), keys.outbox(p, id), keys.unsent(p, id))
        results = await self._scripts.claim_outbox(
            names, till=reservation.till, owner=owner, threads=reservation.threads
        )
        return [
            Outgoing(thread, claimed[0], owner, await self._head(thread, claimed[1]))
            for thread, claimed in zip(reservation.threads, results, strict=True)
            if claimed is not None
        ]

    async def _head(self, thread: str, raw: bytes) -> Reply:
        """Decode the reply at the head of an outbox that we hold."""
        reply = decode.reply(raw, thread)
        if isinstance(reply, UnreadableReply):
            key = await self._database.call("LINDEX", keys.unsent(await self._threads.locate(thread), thread), 0)
            reply = msgspec.structs.replace(reply, key=(key or b"").decode())
        return reply

    async def mark_sending(self, outgoing: Outgoing) -> None:
        """Store the reply's state and restart the lease. Raises `LeaseLost`: then the request must not be sent."""
        p, id, reply = await self._threads.locate(outgoing.thread), outgoing.thread, outgoing.reply
        names = [keys.thread(p, id), keys.outbox(p, id), keys.unsent(p, id)]
        args = self._scripts.mark_sending.item(
            id=id, fence=outgoing.fence, owner=outgoing.owner, reply_key=reply.key, reply=encode(reply)
        )
        if not await self._marks[p].submit((names, args)):
            raise LeaseLost

    async def settle(self, outgoing: Outgoing, letter: DeadLetter | None = None) -> Outgoing | None:
        """Settle the reply as `sent`, or as `failed` with a dead letter. Return the next one, under the same lease.

        If a part of a reply fails, the following parts fail with it, since half an answer is of no use. They share one
        dead letter, and a replay posts them together. Raises `LeaseLost`.
        """
        p, id, reply = await self._threads.locate(outgoing.thread), outgoing.thread, outgoing.reply
        payload, rest = b"", list[Reply]()
        if letter and isinstance(reply, UnreadableReply):
            payload = reply.raw
        elif letter:
            rest = await self._behind(p, reply)
            payload = encode(msgspec.structs.replace(_again(reply), rest=tuple(rest)))
            if rest:
                letter = msgspec.structs.replace(letter, reason=f"{letter.reason} {_LEFT_OUT.format(len(rest))}")
        failed = [msgspec.structs.replace(part, state="failed", error=reply.error) for part in rest]
        following = await self._scripts.settle(
            [
                keys.queue(p, "due"), keys.counters(p),
                keys.dead_letter_times(p), keys.dead_letters(p), keys.dead_letter_payloads(p),
                keys.thread(p, id), keys.outbox(p, id), keys.unsent(p, id), keys.stream_events(p, id), keys.clock(p),
            ],
            id=id,
                fence=outgoing.fence,
                lease=self._lease,
                key=reply.key,
                reply=_settled(reply),
                state="failed" if letter else "sent",
                letter=encode(letter) if letter else b"",
                payload=payload,
                owner=outgoing.owner,
                failed=[value for part in failed for value in (part.key, _settled(part))],
                events=flattened([_reply_event(part) for part in (reply, *failed)]),
        )  # fmt: skip
        if following is None:
            raise LeaseLost
        return Outgoing(id, outgoing.fence, outgoing.owner, await self._head(id, following)) if following else None

    async def divide(self, outgoing: Outgoing, parts: Sequence[str]) -> Outgoing:
        """Replace the reply with several parts, none of them posted. Return the first. Raises `LeaseLost`.

        The first part keeps the key that the history refers to.
        """
        p, id, reply = await self._threads.locate(outgoing.thread), outgoing.thread, outgoing.reply
        first = msgspec.structs.replace(reply, state="pending", text=parts[0])
        others = [
            # The number of attempts distinguishes the parts of one split from those of the next.
            msgspec.structs.replace(first, key=f"{reply.key}.{reply.attempts}-{number}", text=part, attempts=0, first=0)
            for number, part in enumerate(parts[1:], 1)
        ]
        divided = await self._scripts.divide(
            [keys.thread(p, id), keys.outbox(p, id), keys.unsent(p, id)],
            fence=outgoing.fence,
                owner=outgoing.owner,
                key=reply.key,
                first=encode(first),
                parts=encoded_replies(others),
        )  # fmt: skip
        if not divided:
            raise LeaseLost
        return msgspec.structs.replace(outgoing, reply=first)

    async def _behind(self, p: Partition, reply: Reply) -> list[Reply]:
        """Return the unsent parts of the same reply. Only the holder of the outbox can change them."""
        unsent = await self._database.call("LRANGE", keys.unsent(p, reply.thread), 0, -1)
        parts = [key for key in unsent if key.startswith(reply.siblings.encode()) and key != reply.key.encode()]
        encoded = await self._database.call("HMGET", keys.outbox(p, reply.thread), *parts) if parts else []
        rest = [
            decode.reply(raw, reply.thread, key.decode())
            for key, raw in zip(parts, encoded, strict=True)
            if raw is not None
        ]
        return [part for part in rest if not isinstance(part, UnreadableReply)]

    async def defer(self, outgoing: Outgoing, delay: float, *, retry: bool, pause: str = "") -> None:
        """Release the outbox for `delay` seconds: until the next attempt (`retry`), or for a rate limit.

        With `pause`, such as "replies:slack", it waits until that is resumed.
        """
        p, id = await self._threads.locate(outgoing.thread), outgoing.thread
        held = await self._scripts.defer(
            [
                keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"),
                keys.thread(p, id), keys.outbox(p, id), keys.unsent(p, id), keys.clock(p), keys.paused(p, "due"),
            ],
            id=id,
                fence=outgoing.fence,
                delay=int(delay * 1000),
                key=outgoing.reply.key,
                reply=encode(outgoing.reply),
                retry=int(retry),
                owner=outgoing.owner,
                pause=pause,
        )  # fmt: skip
        if not held:
            raise LeaseLost

    async def confirm(self, echo: Event) -> bool:
        """Mark a reply as sent because the platform delivered our own message. Return whether that was news."""
        return await self._confirm(echo.thread, echo.reply, echo.message, echo.url)

    async def report(self, status: ReplyStatus) -> bool:
        """Settle a reply as its platform reports. Return whether that was news."""
        return await self._confirm(status.thread, status.reply, status.message, "")

    async def _confirm(self, thread: str, key: str, message: str, url: str) -> bool:
        # Works without holding the outbox and does not disturb its holder.
        p = await self._threads.locate(thread)
        names = [
            keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"), keys.counters(p),
            keys.thread(p, thread), keys.outbox(p, thread), keys.unsent(p, thread), keys.stream_events(p, thread),
            keys.clock(p),
        ]  # fmt: skip
        while raw := await self._database.call("HGET", keys.outbox(p, thread), key):
            reply = decode.reply(raw, thread)
            if isinstance(reply, UnreadableReply) or reply.state not in ("pending", "sending"):
                return False
            reply = msgspec.structs.replace(
                reply, state="sent", message=message, url=url, error="", text="", address={}
            )
            sent, events = encode(reply), _reply_event(reply)
            match await self._scripts.confirm(names, id=thread, key=key, stored=raw, sent=sent, events=events):
                case b"confirmed":
                    return True
                case b"settled":
                    return False
        return False

    async def replies(self, thread: str) -> dict[str, Reply]:
        """Return all replies of a thread by key."""
        encoded = await self._database.call("HGETALL", keys.outbox(await self._threads.locate(thread), thread))
        return {key.decode(): decode.reply(raw, thread, key.decode()) for key, raw in encoded.items()}

    @property
    def now(self) -> int:
        """The time of Redis, ms: see `Threads.now`."""
        return self._threads.now

    async def clock(self, thread: str) -> int:
        """Return the lease clock of a thread's partition, ms: see `Threads.clock`."""
        return self._threads.clock(await self._threads.locate(thread))

    async def pause(self, scope: str, seconds: float) -> None:
        """Pause sending to `scope` for all workers. A shorter pause never replaces a longer one."""
        key, ms = keys.pause(scope), max(1, int(seconds * 1000))
        await self._database.together(("SET", key, "", "PX", ms, "NX"), ("PEXPIRE", key, ms, "GT"))

    async def paused(self, scopes: Sequence[str]) -> float:
        """Return the seconds until none of `scopes` is paused; 0 if none is."""
        left = [await self._database.call("PTTL", keys.pause(scope)) for scope in scopes]
        return float(max([0, *left])) / 1000


_LEFT_OUT = "The following parts of the same reply ({}) were not posted either; a replay posts all of them."


def _settled(reply: Reply) -> bytes:
    # The history has the text; only the state is kept here.
    if isinstance(reply, UnreadableReply):
        reply = Reply(key=reply.key, thread=reply.thread, text="", state=reply.state, error=reply.error)
    return encode(msgspec.structs.replace(reply, text="", address={}))


def _again(reply: Reply) -> Reply:
    """Return a failed reply as a replay puts it back: one that may have been posted is looked for first."""
    return msgspec.structs.replace(
        reply, state="sending" if reply.unknown else "pending", error="",
        attempts=0, refusals=0, waits=0, looks=0, cursor="", searching=0,
    )  # fmt: skip


def _reply_event(reply: Reply) -> EncodedEvent:
    turn = reply.key.partition(".")[0]
    return encode_event(ReplyEvent(turn=turn, message=reply.key, state=reply.state, url=reply.url))
