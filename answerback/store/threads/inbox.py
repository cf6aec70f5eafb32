"""How events get into the inbox of their thread: accept · amend, and whose messages are our own."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from answerback import tracing
from answerback.codec import encode
from answerback.errors import MalformedBody
from answerback.events import Amendment, Entry, Event, dispatch_id
from answerback.store import keys
from answerback.store.batching import Batcher
from answerback.store.keys import Partition
from answerback.store.partitions import OfPartitions, Partitions, being_moved
from answerback.store.redis import Database, Value
from answerback.store.scripts import Part, Scripts
from answerback.store.thread_ids import workspace_of
from answerback.store.threads import amendments
from answerback.store.threads.details import Details
from answerback.store.threads.leases import Reservations
from answerback.store.threads.receipt import ChatFields, Only, Receipt

_msgpack = msgspec.msgpack.Encoder().encode

EDITS = {"mention": "an edit added a mention", "text": "agents receive edits"}
"""What an event is that an edit has become → why it was accepted."""


class Inbox(Reservations):
    """The inboxes of all threads.

    Args:
        partitions: The number of partitions, of a store in which none is recorded.
        seen_days: For how many days a delivery is recognised.
        pause: Seconds without a message after which a bot loop counts as ended.
    """

    def __init__(
        self,
        database: Database,
        *,
        partitions: int | None,
        lease: float,
        seen_days: float = 7.0,
        pause: float = 120.0,
        version: str = "",
    ) -> None:
        super().__init__(database, Scripts(database), lease, version)
        self.partitions = Partitions(database, self.scripts, partitions)
        self.locate = self.partitions.locate
        self.seen = int(seen_days * 86_400_000)
        self._pause = int(pause * 1000)
        self._accepts = OfPartitions(self._accepts_of)

    def _accepts_of(self, p: Partition) -> Batcher[Part, bytes]:
        names = [
            keys.queue(p, "ready"), keys.wake(p, "ready"), keys.own_identities(p), keys.counters(p),
            keys.threads(p), keys.dead_letter_times(p), keys.dead_letters(p), keys.dead_letter_payloads(p),
            keys.clock(p), keys.unused_files(p),
        ]  # fmt: skip
        return self.scripts.accept.grouped(names, self.scripts.accept.args(remember=self.seen, signals=keys.signals()))

    async def accept(self, event: Event, only: Only | ChatFields = "", user: str = "") -> Receipt:
        """Store an event once. It is stored when this returns; the call may be repeated for the same event.

        Args:
            only: a condition on the event's chat, or what to open it with.
            user: the user of that chat.

        Raises:
            MalformedBody: the event cannot be stored.
            NoSuchThread, ThreadDiffers, ThreadEnded, Busy: the condition is not met.
        """
        if tracing.current is None:
            return await self._store(event, only, user, tracing.traceparent())
        with tracing.current.store(event.thread, event.id) as trace:
            receipt = await self._store(event, only, user, trace)
            tracing.current.describe(status=receipt.status)
            return receipt

    async def _store(self, event: Event, only: Only | ChatFields, user: str, trace: str) -> Receipt:
        id = event.id
        if event.gesture and (first := await self._gesture(event)):
            return Receipt(dispatch_id(first), event.thread, "duplicate")
        result = await self._accept(id, event, b"", only, user, trace)
        while result.startswith(b"amended\n"):
            # Its edit or deletion arrived first.
            raw = result.partition(b"\n")[2]
            if raw == amendments.DELETED:
                return Receipt(id, event.thread, "ignored", "its message was deleted before it arrived")
            # The amendment may have expired meanwhile.
            edited = amendments.with_edit(event, raw) if raw else event
            result = await self._accept(id, edited, raw, only, user, trace)
        return Receipt.read(id, event.thread, result)

    async def _gesture(self, event: Event) -> str:
        """Return the delivery id of another event of the same gesture, if it may be in another partition; else ""."""
        if len(await self.partitions.all()) == 1:
            return ""  # `accept` sees it
        name = keys.gesture(event.gesture)
        (new,) = await self.database.confirmed(("SET", name, event.delivery, "PX", self.seen, "NX"))
        if new:
            return ""
        first = (await self.database.call("GET", name) or b"").decode(errors="surrogatepass")
        return "" if first == event.delivery else first

    async def _accept(
        self, id: str, event: Event, edit: bytes, only: Only | ChatFields, user: str, trace: str
    ) -> bytes:
        while True:
            if self.partitions.settled:
                p = await self.locate(event.thread)
                stored = self._accepts[p].submit(self._item(p, id, event, edit, only, user, trace))
            else:
                # Events that come at once keep their order: none overtakes another one here.
                async with self.partitions.in_order():
                    await self.partitions.record()
                    p = await self.locate(event.thread)
                    await self.partitions.bring_deliveries(p, event.thread, (event.delivery, event.former))
                    stored = self._accepts[p].submit(self._item(p, id, event, edit, only, user, trace))
            result = await stored
            if result != b"moved":
                return result
            await self.partitions.read()

    def _item(
        self, p: Partition, id: str, event: Event, edit: bytes, only: Only | ChatFields, user: str, trace: str
    ) -> Part:
        thread, platform = event.thread, event.platform
        seen = keys.seen(p, event.delivery)
        former = event.former or event.gesture
        workspace = workspace_of(thread)
        lists: Sequence[str] = [keys.chats(p, workspace), keys.chats(p, workspace, user)] if only else ()
        if isinstance(only, ChatFields):
            condition, opening = "new", _msgpack((only.digest, only.later or 0, *only.fields))
            if only.later is not None:
                lists = [keys.ephemeral(p)] * 2
        else:
            condition, opening = only, b""
        return (
                [
                    seen, keys.seen(p, former) if former else seen,
                    keys.thread(p, thread), keys.inbox(p, thread), keys.amendments(p, thread), *lists,
                ],
                self.scripts.accept.item(
                    entry=_stored(Entry(event, stored=time.time_ns() // 1_000_000, trace=trace)),
                    opening=opening,
                    edit=edit,
                    details=_msgpack(
                        Details(
                            id=id,
                            thread_id=thread,
                            identities="\n".join([f"{platform}:{identity}" for identity in event.identities]),
                            platform=platform,
                            channel=event.channel,
                            title=event.title,
                            url=event.url,
                            arrival=event.arrival,
                            condition=condition,
                            former_id=dispatch_id(event.former) if event.former else id,
                            gesture=bool(event.gesture and not event.former),
                            quiet=-1 if platform == "chat" else self._pause,
                            program=event.author.kind != "bot",
                            message="" if event.is_edit else event.message,
                            files="\n".join([each.file for each in event.attachments if each.file]),
                        )
                    ),
                ),
        )  # fmt: skip

    async def amend(self, amendment: Amendment) -> Receipt:
        """Change the waiting event of an edited or deleted message, or one that arrives later.

        If none is waiting, an edit that added a mention, or that agents receive, becomes an event of its own, once.
        Raises `MalformedBody` if it cannot be stored.
        """
        _stored(amendment)
        async for p in self.partitions.places(amendment.thread):
            amended = await amendments.amend(self.database, self.scripts, p, amendment)
            if amended is not None:
                break
        else:
            raise being_moved(amendment.thread)
        receipt, event = amended
        if event is None:
            return receipt
        accepted = await self.accept(event)
        return (
            msgspec.structs.replace(accepted, reason=EDITS.get(event.edited, ""))
            if accepted.status == "accepted"
            else accepted
        )

    async def add_own_identities(self, platform: str, marks: Iterable[str]) -> None:
        """Add marks of our own messages on a platform, such as those of an account that was installed."""
        if added := [f"{platform}:{mark}".encode() for mark in marks]:
            for p in await self.partitions.all():
                await self.database.call("SADD", keys.own_identities(p), *added)

    async def set_own_identities(
        self,
        platform: str,
        marks: Iterable[str],
        installed: Callable[[str], Awaitable[Iterable[str]]] | None = None,
    ) -> None:
        """Replace the marks of our own messages on a platform, such as "user:583231".

        Unchanged marks are not written. `installed` returns those of installed accounts. An account is stored before
        its marks are added, and here it is read after them: so none that was added meanwhile is removed.
        """
        configured = list(marks)
        for p in await self.partitions.all():
            stored = {
                mark for mark in await self.database.call("SMEMBERS", keys.own_identities(p)) if _of(platform, mark)
            }
            others = await installed(platform) if installed else ()
            current = {f"{platform}:{mark}".encode() for mark in (*configured, *others)}
            changes: list[tuple[Value, ...]] = []
            if missing := current - stored:
                changes.append(("SADD", keys.own_identities(p), *missing))
            if former := stored - current:
                changes.append(("SREM", keys.own_identities(p), *former))
            if changes:
                await self.database.together(*changes)


def _of(platform: str, mark: bytes) -> bool:
    return mark.startswith(f"{platform}:".encode())


def _stored(message: Entry | Amendment) -> bytes:
    try:
        return encode(message)
    except (UnicodeEncodeError, OverflowError) as error:
        raise MalformedBody(f"cannot be stored: {error}") from error
