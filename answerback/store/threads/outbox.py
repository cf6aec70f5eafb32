"""The outbox: claim · mark sending · settle · defer · confirm. One worker at a time sends a thread's replies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.codec import encode
from answerback.errors import LeaseLost
from answerback.outgoing import Select
from answerback.platforms import Rate
from answerback.replies import DeadLetter, Reply
from answerback.store import decode, keys
from answerback.store.batching import Batcher
from answerback.store.decode import UnreadableReply
from answerback.store.fleet.aliases import Aliases
from answerback.store.keys import Partition
from answerback.store.partitions import OfPartitions
from answerback.store.scripts import Part
from answerback.store.threads.files import Files
from answerback.store.threads.leases import Reservation
from answerback.store.threads.message_parts import divided_content, shown_parts
from answerback.store.threads.records import encoded_replies, flattened
from answerback.store.threads.reply_reports import ReplyReports
from answerback.store.threads.settled_replies import replayable, reply_event, settled
from answerback.store.threads.threads import Threads


class Outgoing(msgspec.Struct, frozen=True):
    """A claimed outbox and the reply at its head. `owner` and `fence` as in `Claim`."""

    thread: str
    fence: int
    owner: str
    reply: Reply


class Outbox(ReplyReports):
    """The outboxes of all threads."""

    def __init__(self, threads: Threads, *, lease: float = 5.0) -> None:
        super().__init__(threads)
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
            id=id, fence=outgoing.fence, owner=outgoing.owner, reply_key=reply.key, reply=encode(reply),
            said=int(reply.kind in ("message", "review")),
        )  # fmt: skip
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
            payload = encode(msgspec.structs.replace(replayable(reply), rest=tuple(rest)))
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
                reply=settled(reply),
                state="failed" if letter else "sent",
                letter=encode(letter) if letter else b"",
                payload=payload,
                owner=outgoing.owner,
                failed=[value for part in failed for value in (part.key, settled(part))],
                events=flattened([reply_event(part) for part in (reply, *failed)]),
        )  # fmt: skip
        if following is None:
            raise LeaseLost
        return Outgoing(id, outgoing.fence, outgoing.owner, await self._head(id, following)) if following else None

    async def divide(self, outgoing: Outgoing, texts: Sequence[str]) -> Outgoing:
        """Replace the reply with several parts, none of them posted. Return the first. Raises `LeaseLost`.

        The first part keeps the key that the history refers to.
        """
        reply = outgoing.reply
        content = reply.content
        last = len(texts) - 1
        parts = [
            msgspec.structs.replace(
                reply,
                # The number of attempts distinguishes the parts of one split from those of the next.
                key=f"{reply.key}.{reply.attempts}-{number}" if number else reply.key,
                text=text,
                attempts=0 if number else reply.attempts,
                first=0 if number else reply.first,
                state="pending" if number else reply.waiting,
                shown=None if number else reply.shown,
                message="" if number else reply.message,
                # What is below the text is below its last part. The others are messages of their own.
                content=divided_content(content, first=not number, last=number == last),
                kind="message" if number else reply.kind,
            )
            for number, text in enumerate(texts)
        ]
        return await self.replace(outgoing, parts)

    async def replace(self, outgoing: Outgoing, replies: Sequence[Reply]) -> Outgoing:
        """Replace the next reply to send with several; the first has its key. Return it. Raises `LeaseLost`."""
        p, id, (first, *others) = await self._threads.locate(outgoing.thread), outgoing.thread, replies
        replaced = await self._scripts.divide(
            [keys.thread(p, id), keys.outbox(p, id), keys.unsent(p, id)],
            fence=outgoing.fence,
                owner=outgoing.owner,
                key=first.key,
                first=encode(first),
                parts=encoded_replies(others),
        )  # fmt: skip
        if not replaced:
            raise LeaseLost
        return msgspec.structs.replace(outgoing, reply=first)

    async def parts(self, thread: str, key: str, *, whole: bool) -> list[Reply]:
        """Return the reply with a key; [] if there is none.

        With `whole`, return everything that is shown of its message, in order: its parts, and what edits have added to
        it, without what was deleted.
        """
        p = await self._threads.locate(thread)
        names = [key.encode()]
        if whole:
            stored = await self._database.call("HKEYS", keys.outbox(p, thread))
            names = [name for name in stored if name == names[0] or name.startswith(names[0] + b".")]
            names += [name for name in stored if b".edit" in name or b".delete" in name]
        encoded = await self._database.call("HMGET", keys.outbox(p, thread), *names) if names else []
        replies = [
            decode.reply(raw, thread, name.decode())
            for name, raw in zip(names, encoded, strict=True)
            if raw is not None
        ]
        return shown_parts(key, replies) if whole else replies

    async def with_files(self, reply: Reply) -> Reply:
        """Return a reply with the content of its files. Raises `NoSuchFile`."""
        content = reply.content
        if content is None or not content.files:
            return reply
        stored = Files(self._threads)
        files = [
            msgspec.structs.replace(file, data=await stored.content(reply.thread, file.file)) if file.file else file
            for file in content.files
        ]
        return msgspec.structs.replace(reply, content=msgspec.structs.replace(content, files=tuple(files)))

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

    async def options(self, thread: str, key: str, name: str) -> Sequence[tuple[str, str]]:
        """Return the options of a menu or of a choice that a reply has; none if there is no such reply any more."""
        p = await self._threads.locate(thread)
        raw = await self._database.call("HGET", keys.outbox(p, thread), key)
        content = decode.reply(raw, thread).content if raw else None
        if content is None:
            return ()
        found = {each.name: each.options for each in content.actions if isinstance(each, Select)}
        found |= {each.name: each.options for each in (content.form.fields if content.form else ())}
        return found.get(name, ())

    async def link(self, reply: Reply, thread: str) -> None:
        """Record that events with the thread id `thread` answer this reply, and belong to its thread."""
        await Aliases(self._database).link(reply.thread, thread)

    async def remember(self, reply: Reply, delivery: str) -> None:
        """Record that events about the message with this delivery id belong to the reply's thread."""
        await self._database.call("SET", keys.message_thread(delivery), reply.thread, "PX", self._threads.seen)

    async def pause(self, scope: str, seconds: float) -> None:
        """Pause sending to `scope` for all workers. A shorter pause never replaces a longer one."""
        key, ms = keys.pause(scope), max(1, int(seconds * 1000))
        await self._database.together(("SET", key, "", "PX", ms, "NX"), ("PEXPIRE", key, ms, "GT"))

    async def reserve_slot(self, rates: Sequence[Rate]) -> tuple[int, int]:
        """Count one more reply toward these rates, one after the other, until there is one to wait for.

        Return the number of rates toward which it counts, and the ms to wait for the last of them; 0 if it may be sent.
        """
        counted = [value for rate in rates for value in (max(1, round(rate.interval * 1_000_000)), rate.burst)]
        reserved, wait = await self._scripts.reserve_slot([keys.slots(rate.scope) for rate in rates], rates=counted)
        return reserved, wait

    async def paused(self, scopes: Sequence[str]) -> float:
        """Return the seconds until none of `scopes` is paused; 0 if none is."""
        left = [await self._database.call("PTTL", keys.pause(scope)) for scope in scopes]
        return float(max([0, *left])) / 1000


_LEFT_OUT = "The following parts of the same reply ({}) were not posted either; a replay posts all of them."
