"""The end of a reply: sent, or failed for good."""

from __future__ import annotations

import time

from answerback import tracing
from answerback.log import get_logger
from answerback.platforms import Sent
from answerback.replies import DeadLetter, Reply
from answerback.store.decode import UnreadableReply
from answerback.store.threads.outbox import Outbox, Outgoing

from ..metrics import DEAD_LETTERED, REPLIES, REPLY_TIME, ReplyFailure
from ..retry import retry_while_unavailable
from . import progress

log = get_logger(__name__)


class Settlements:
    """Stores what became of replies. Each method returns the thread's next reply, if there is one."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def sent(self, outgoing: Outgoing, message: Sent) -> Outgoing | None:
        """Store that a reply was sent, and as which message."""
        settled = progress.sent(outgoing, message)
        reply = settled.reply
        if message.thread:
            await retry_while_unavailable(self._outbox.link, reply, message.thread)
        if message.delivery:
            await retry_while_unavailable(self._outbox.remember, reply, message.delivery)
        log.info("reply sent", reply=reply.key, thread=reply.thread, message=message.message, **_kind(reply))
        following: Outgoing | None = await retry_while_unavailable(self._outbox.settle, settled)
        REPLIES.labels(reply.platform, "sent", reply.kind).inc()
        if reply.stored and reply.kind in ("message", "review"):
            REPLY_TIME.labels(reply.platform).observe(max(0.0, time.time() - reply.stored / 1000))
        return following

    async def failed(self, outgoing: Outgoing, reason: str, why: ReplyFailure = "gave_up") -> Outgoing | None:
        """Store that a reply failed for good, and its dead letter. `why`: the reason for the metrics."""
        failed = progress.changed(outgoing, state="failed", error=reason)
        if tracing.current is not None:
            tracing.current.fail(reason)
        reply = failed.reply
        log.error("reply failed permanently", reply=reply.key, thread=reply.thread, reason=reason)
        letter = DeadLetter(
            id=reply.key,
            kind="reply",
            thread=reply.thread,
            reason=reason,
            attempts=reply.attempts,
            unreadable=isinstance(reply, UnreadableReply),
        )
        following: Outgoing | None = await retry_while_unavailable(self._outbox.settle, failed, letter)
        REPLIES.labels(reply.platform, "failed", reply.kind).inc()
        DEAD_LETTERED.labels("reply", why).inc()
        return following


def _kind(reply: Reply) -> dict[str, str]:
    """Return what a log line says of a reply that is not a message."""
    return {} if reply.kind == "message" else {"kind": reply.kind}
