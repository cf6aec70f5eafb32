"""What platforms tell of our replies: webhooks about our own messages, and reports of what became of them."""

from __future__ import annotations

import msgspec

from answerback.codec import encode
from answerback.events import Event
from answerback.log import get_logger
from answerback.notifications import ReplyStatus
from answerback.replies import PREPARED, TWICE, DeadLetter
from answerback.store import decode, keys
from answerback.store.decode import UnreadableReply
from answerback.store.keys import Partition
from answerback.store.threads.records import flattened
from answerback.store.threads.settled_replies import replayable, reply_event, settled
from answerback.store.threads.threads import Threads

log = get_logger(__name__)


class ReplyReports:
    """Settles replies without holding their outboxes."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database
        self._scripts = threads.scripts

    async def confirm(self, echo: Event) -> bool:
        """Mark a reply as sent because the platform delivered our own message. Return whether that was news."""
        key = echo.reply
        if key.startswith(PREPARED):
            key = await self._key_of(echo.thread, key.removeprefix(PREPARED))
        return bool(key) and await self._confirm(echo.thread, key, echo.message, echo.url)

    async def _key_of(self, thread: str, prepared: str) -> str:
        """Return the key of the unsent reply for which this was prepared; "" if there is none."""
        p = await self._threads.locate(thread)
        unsent = await self._database.call("LRANGE", keys.unsent(p, thread), 0, -1)
        encoded = await self._database.call("HMGET", keys.outbox(p, thread), *unsent) if unsent else []
        for key, raw in zip(unsent, encoded, strict=True):
            if raw is not None and prepared in decode.reply(raw, thread).prepared.split(","):
                return str(key.decode())
        return ""

    async def report(self, status: ReplyStatus) -> bool:
        """Settle a reply as its platform reports: sent, or failed, even if it was sent. Return whether that was news.

        Of a reply of several messages only the one that is named fails: its other parts may be shown already.
        """
        sent = status.state == "sent"
        if await (self._confirm(status.thread, status.reply, status.message, "") if sent else self._fail(status)):
            return True
        # Whatever settled it before may not have been confirmed by replicas, and the platform does not report it again.
        p = await self._threads.locate(status.thread)
        await self._database.confirmed(("HEXISTS", keys.outbox(p, status.thread), status.reply))
        return False

    async def _fail(self, status: ReplyStatus) -> bool:
        p, thread, key = await self._threads.locate(status.thread), status.thread, status.reply
        names = [
            *self._names(p, thread), keys.dead_letter_times(p), keys.dead_letters(p), keys.dead_letter_payloads(p),
        ]  # fmt: skip
        while raw := await self._database.call("HGET", keys.outbox(p, thread), key):
            reply = decode.reply(raw, thread)
            # Of a reply that is pending, no request is under way: the report is about an earlier one.
            if isinstance(reply, UnreadableReply) or reply.state not in ("sending", "sent"):
                return False
            if reply.message and status.message and reply.message != status.message:
                return False
            reason = status.error or "the platform reports that the message was not delivered"
            failed = msgspec.structs.replace(reply, state="failed", error=reason)
            letter = DeadLetter(id=key, kind="reply", thread=thread, reason=reason, attempts=reply.attempts)
            # It is known not to be there: a replay posts it without looking for it.
            payload = msgspec.structs.replace(
                replayable(failed), state="pending", unknown=0, message="", url="", first=0, shown=None
            )
            outcome = await self._scripts.fail_reply(
                names,
                id=thread,
                key=key,
                stored=raw,
                failed=settled(failed),
                letter=encode(letter),
                payload=encode(payload),
                events=flattened([reply_event(failed)]),
            )
            if outcome == b"failed":
                log.error("reply failed after it was accepted", reply=key, thread=thread, reason=reason)
                return True
        return False

    def _names(self, p: Partition, thread: str) -> list[str]:
        """Return the keys of a script that works without holding the outbox and does not disturb its holder."""
        return [
            keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"), keys.counters(p),
            keys.thread(p, thread), keys.outbox(p, thread), keys.unsent(p, thread), keys.stream_events(p, thread),
            keys.clock(p),
        ]  # fmt: skip

    async def _confirm(self, thread: str, key: str, message: str, url: str) -> bool:
        p = await self._threads.locate(thread)
        names = self._names(p, thread)
        while raw := await self._database.call("HGET", keys.outbox(p, thread), key):
            reply = decode.reply(raw, thread)
            if isinstance(reply, UnreadableReply) or reply.state not in ("pending", "sending") or reply.shown:
                # A message that shows a reply may not show all of it.
                return False
            if reply.kind not in ("message", "review"):
                return False
            reply = msgspec.structs.replace(
                reply, state="sent", message=reply.prepared or message, url=url, error=TWICE if reply.twice else ""
            )
            sent, events = settled(reply), flattened([reply_event(reply)])
            match await self._scripts.confirm(names, id=thread, key=key, stored=raw, sent=sent, events=events):
                case b"confirmed":
                    return True
                case b"settled":
                    return False
        return False
