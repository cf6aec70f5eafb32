"""Rate limits of platforms: while one is paused, the outboxes that need it wait."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.errors import RateLimited
from answerback.log import get_logger
from answerback.platforms import Rate, scope
from answerback.store.threads.outbox import Outbox, Outgoing

from ..metrics import PAUSED, PAUSES
from ..retry import retry_while_unavailable
from .progress import changed

log = get_logger(__name__)


class RateLimitPauses:
    """Keeps the pauses that platforms ask for, and defers outboxes until they are over."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def deferred(self, outgoing: Outgoing, limits: Sequence[str]) -> bool:
        """Defer the outbox if one of these rate limits is paused. Return whether it is."""
        scopes = [scope(outgoing.reply.platform, limit) for limit in limits]
        wait = await retry_while_unavailable(self._outbox.paused, scopes)
        if wait:
            await retry_while_unavailable(self._outbox.defer, outgoing, wait, retry=False)
        return wait > 0

    async def paced(self, outgoing: Outgoing, rates: Sequence[Rate]) -> bool:
        """Defer the outbox until its reply may be sent within these rates. Return whether it has to wait.

        All workers share the rates. A reply that waits keeps its slot, so that no later one overtakes it.
        """
        reply = outgoing.reply
        if not rates:
            return False
        now = await self._outbox.clock(outgoing.thread)
        wait = reply.slot - now
        if wait <= 0:
            left = [rate._replace(scope=scope(reply.platform, rate.scope)) for rate in rates[reply.paced :]]
            reserved, wait = await retry_while_unavailable(self._outbox.reserve_slot, left) if left else (0, 0)
            outgoing = changed(outgoing, slot=now + wait, paced=reply.paced + reserved)
        if wait > 0:
            await retry_while_unavailable(self._outbox.defer, outgoing, wait / 1000, retry=False)
        return wait > 0

    async def pause(self, outgoing: Outgoing, limit: RateLimited) -> None:
        """Pause a rate limit for as long as the platform asked, and defer the outbox that met it."""
        paused = scope(outgoing.reply.platform, limit.scope)
        log.warning("rate limited", scope=paused, seconds=limit.seconds, reply=outgoing.reply.key)
        PAUSES.labels(outgoing.reply.platform).inc()
        PAUSED.labels(outgoing.reply.platform).inc(limit.seconds)
        await retry_while_unavailable(self._outbox.pause, paused, limit.seconds)
        await retry_while_unavailable(self._outbox.defer, outgoing, limit.seconds, retry=False)

    async def held_back(self, outgoing: Outgoing, late: float) -> bool:
        """Defer a change while an earlier one may still be carried out, and would undo it. Return whether it is.

        Args:
            late: Seconds within which a request of unknown outcome may still be carried out.
        """
        thread = f"changes/{outgoing.thread}"
        if outgoing.reply.state == "sending":
            # It is made again at once; whatever follows it waits.
            await retry_while_unavailable(self._outbox.pause, thread, late)
            return False
        wait = await retry_while_unavailable(self._outbox.paused, [thread])
        if wait:
            await retry_while_unavailable(self._outbox.defer, outgoing, wait, retry=False)
        return wait > 0
