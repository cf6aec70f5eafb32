"""Sending replies: pending → sending → sent or failed. Each state is stored before a request is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec

from answerback.errors import LeaseLost, NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms import Client, NextPage, Sent, scope
from answerback.platforms.text import split
from answerback.replies import DeadLetter
from answerback.store.decode import UnreadableReply, unreadable_reason
from answerback.store.threads.outbox import Outbox, Outgoing

from ..backoff import Backoff
from ..retry import retry_while_unavailable
from .identities import Identities

log = get_logger(__name__)

LOOKS = (1 / 6, 1.0)
"""When to look for a reply of unknown fate, as fractions of the time within which a late post may still appear."""
PAGES_AT_ONCE = 10
"""Pages of a search to read before the slot is given to another thread."""
LONGEST_SEARCH = 3_600_000
"""ms after which a search that rate limits keep interrupting is given up."""
SHORTEST = 1000
"""Characters below which a reply is not divided further, whatever the platform responds."""
LONGEST_PAUSE, MOST_PAUSES = 86_400_000, 24
"""A reply is given up once both are exceeded: ms since its first request, and pauses requested by the platform."""


class Sender:
    """Sends the replies in the outboxes, one at a time per thread.

    A reply found in state `sending` has an unknown fate: a worker died or a response was lost after the request may
    have been sent. The platform may execute such a request seconds later. So the worker looks for the reply twice, soon
    and again when it can no longer appear, and only then posts it again. An echo (see `Outbox.confirm`) settles it at
    any time. The progress is stored in the reply's record, and the outbox is released while it waits.

    late  seconds within which a reply may still appear
    """

    def __init__(
        self,
        outbox: Outbox,
        clients: Mapping[str, Client],
        identities: Identities,
        http: PlatformHttp,
        *,
        lease: float,
        max_attempts: int = 10,
        backoff: Backoff,
        late: float = 30.0,
    ) -> None:
        self._outbox = outbox
        self._clients = clients
        self._identities = identities
        self._http = http
        self._fresh = lease / 2
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._late = late * 1000

    async def run(self, outgoing: Outgoing) -> None:
        """Send a thread's replies until none is left or the outbox has to wait."""
        following: Outgoing | None = outgoing
        try:
            while following is not None:
                following = await self._send(following)
        except LeaseLost:
            log.warning("another worker now sends replies for this thread", thread=outgoing.thread)

    async def _send(self, outgoing: Outgoing) -> Outgoing | None:
        reply = outgoing.reply
        if isinstance(reply, UnreadableReply):
            return await self._fail(outgoing, unreadable_reason(reply.why))
        client = self._clients.get(reply.platform)
        if client is None:
            return await self._fail(outgoing, f"this worker has no credential for {reply.platform}")
        if reply.platform not in self._identities.known:
            await retry_while_unavailable(
                self._outbox.defer, outgoing, self._identities.delay(reply.platform), retry=False
            )
            return None
        try:
            # If the platform deduplicates repeated posts, posting again settles it.
            if reply.state == "sending" and client.once != "native":
                return await self._settle(client, outgoing)
            return await self._post(client, outgoing)
        except Rejected as refusal:
            return await self._fail(outgoing, str(refusal))

    async def _settle(self, client: Client, outgoing: Outgoing) -> Outgoing | None:
        """Look on the platform for a reply that may have been posted; post it again if it is not there."""
        # Use the lease clock: a step of the Redis clock must not shorten the time in which a post may still appear.
        now = self._outbox.clock(outgoing.thread)
        if not 0 < outgoing.reply.unknown <= now:
            # Its sender died, or the time was taken from another clock.
            outgoing = _with(outgoing, unknown=now, looks=0, cursor="", searching=0)
        for _ in range(PAGES_AT_ONCE):
            reply = outgoing.reply
            if reply.looks >= len(LOOKS):
                log.warning("reply not found on the platform; posting it again", reply=reply.key)
                return await self._post(client, outgoing)
            wait = reply.unknown + LOOKS[reply.looks] * self._late * client.lag - now
            if wait > 0:
                await retry_while_unavailable(self._outbox.defer, outgoing, wait / 1000, retry=True)
                return None
            if client.once == "unknown":
                outgoing = _with(outgoing, looks=reply.looks + 1)
                continue
            if await self._waits(outgoing, client.limits(reply, looking=True)):
                return None
            outgoing = _with(outgoing, searching=reply.searching or now)
            try:
                found = await self._http.perform(client.find(reply, self._identities.known[reply.platform]))
            except RateLimited as limit:
                if now - outgoing.reply.searching > LONGEST_SEARCH:
                    return await self._fail(
                        outgoing, f"gave up looking for the reply: {limit}. It may have been posted."
                    )
                await self._pause(outgoing, limit)
                return None
            except Unavailable as trouble:
                return await self._look_again(outgoing, trouble)
            if isinstance(found, Sent):
                return await self._done(outgoing, found)
            if isinstance(found, NextPage):
                outgoing = _with(outgoing, cursor=found.cursor)
            else:
                outgoing = _with(outgoing, looks=reply.looks + 1, cursor="", searching=0)
        await retry_while_unavailable(self._outbox.defer, outgoing, 0, retry=False)
        return None

    async def _look_again(self, outgoing: Outgoing, trouble: Unavailable) -> Outgoing | None:
        tries = outgoing.reply.attempts + 1
        if tries > self._max_attempts:
            doubt = "It may have been posted anyway."
            return await self._fail(outgoing, f"gave up after {tries - 1} attempts: {trouble}. {doubt}")
        delay = max(self._backoff.after(tries), trouble.after)
        outgoing = _refused(outgoing, trouble)
        log.warning(
            "reply lookup failed; will be retried", reply=outgoing.reply.key, error=str(trouble), next_try=delay
        )
        await retry_while_unavailable(
            self._outbox.defer, _with(outgoing, attempts=tries, error=str(trouble)), delay, retry=True
        )
        return None

    async def _post(self, client: Client, outgoing: Outgoing) -> Outgoing | None:
        reply = outgoing.reply
        if reply.attempts >= self._max_attempts:
            # The last attempt had an unknown fate, and the reply was not found.
            return await self._fail(outgoing, f"gave up after {reply.attempts} attempts: {reply.error}")
        if await self._waits(outgoing, client.limits(reply, looking=False)):
            return None
        attempt = _attempt(outgoing, self._outbox.now)

        async def leave() -> float:
            # A process that is suspended from here on may lose its lease: a request that was not sent within the
            # first half of the lease has to be marked again.
            till = time.monotonic() + self._fresh
            await retry_while_unavailable(self._outbox.mark, attempt)
            return till

        try:
            sent = await self._http.perform(client.post(attempt.reply), leave=leave)
        except RateLimited as limit:
            # The request was rejected, not posted: the fate of the reply is what it was before this attempt.
            outgoing = _with(outgoing, first=attempt.reply.first, waits=reply.waits + 1)
            if reply.waits >= MOST_PAUSES and self._outbox.now - attempt.reply.first > LONGEST_PAUSE:
                return await self._fail(
                    outgoing, f"gave up after the platform asked to wait {reply.waits} times: {limit}"
                )
            await self._pause(outgoing, limit)
            return None
        except TooLong as refusal:
            return await self._divide(attempt, refusal)
        except Rejected as refusal:
            return await self._fail(attempt, str(refusal))
        except Unavailable as trouble:
            return await self._again(client, outgoing, attempt, trouble)
        return await self._done(attempt, sent)

    async def _divide(self, attempt: Outgoing, refusal: TooLong) -> Outgoing | None:
        """Split a reply that is too long for one message: how a platform counts characters is not always documented."""
        text = attempt.reply.text
        if len(text) < SHORTEST:
            return await self._fail(attempt, str(refusal))
        parts = split(text, len(text) * 3 // 5)
        log.warning("reply too long; posting it in parts", reply=attempt.reply.key, parts=len(parts))
        first: Outgoing = await retry_while_unavailable(self._outbox.divide, attempt, parts)
        return first

    async def _again(
        self, client: Client, before: Outgoing, attempt: Outgoing, trouble: Unavailable
    ) -> Outgoing | None:
        attempt = _refused(attempt, trouble)
        reply, now = attempt.reply, self._outbox.clock(attempt.thread)
        delay = max(self._backoff.after(reply.attempts), trouble.after)
        if trouble.unknown and client.once != "native":
            attempt = _with(attempt, unknown=now)
            delay = max(LOOKS[0] * self._late * client.lag / 1000, trouble.after)
        elif reply.attempts >= self._max_attempts:
            doubt = " It may have been posted anyway." if trouble.unknown else ""
            return await self._fail(
                _with(attempt, unknown=now if trouble.unknown else 0),
                f"gave up after {reply.attempts} attempts: {trouble}.{doubt}",
            )
        elif trouble.unknown:
            attempt = _with(attempt, unknown=now)
        elif before.reply.state == "sending":
            # It was looked for and not found. Look once more before the next attempt.
            attempt = _with(attempt, unknown=before.reply.unknown, looks=len(LOOKS) - 1)
        else:
            attempt = _with(attempt, state="pending")
        log.warning(
            "reply not sent; will be retried", reply=reply.key, thread=reply.thread, error=str(trouble), next_try=delay
        )
        await retry_while_unavailable(self._outbox.defer, _with(attempt, error=str(trouble)), delay, retry=True)
        return None

    async def _waits(self, outgoing: Outgoing, limits: Sequence[str]) -> bool:
        """Defer the outbox if one of its rate limits is paused. Return whether it is."""
        wait = await retry_while_unavailable(
            self._outbox.paused, [scope(outgoing.reply.platform, limit) for limit in limits]
        )
        if wait:
            await retry_while_unavailable(self._outbox.defer, outgoing, wait, retry=False)
        return wait > 0

    async def _pause(self, outgoing: Outgoing, limit: RateLimited) -> None:
        limited = scope(outgoing.reply.platform, limit.scope)
        log.warning("rate limited", scope=limited, seconds=limit.seconds, reply=outgoing.reply.key)
        await retry_while_unavailable(self._outbox.pause, limited, limit.seconds)
        await retry_while_unavailable(self._outbox.defer, outgoing, limit.seconds, retry=False)

    async def _done(self, outgoing: Outgoing, sent: Sent) -> Outgoing | None:
        settled = _with(
            outgoing, state="sent", message=sent.message, url=sent.url, error="",
            unknown=0, looks=0, cursor="", searching=0,
        )  # fmt: skip
        reply = settled.reply
        log.info("reply sent", reply=reply.key, thread=reply.thread, message=sent.message)
        following: Outgoing | None = await retry_while_unavailable(self._outbox.settle, settled)
        return following

    async def _fail(self, outgoing: Outgoing, reason: str) -> Outgoing | None:
        failed = _with(outgoing, state="failed", error=reason)
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
        return following


def _with(outgoing: Outgoing, **changes: str | int) -> Outgoing:
    """Return a copy with changed fields of its reply."""
    return msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, **changes))


def _refused(outgoing: Outgoing, trouble: Unavailable) -> Outgoing:
    """Return a copy that counts a temporary rejection: see `platforms.attempt`."""
    return _with(outgoing, refusals=outgoing.reply.refusals + isinstance(trouble, NotYet), waits=0)


def _attempt(outgoing: Outgoing, now: int) -> Outgoing:
    """Return the reply as it is stored while a request may be in flight."""
    reply = outgoing.reply
    return _with(
        outgoing, state="sending", attempts=reply.attempts + 1, first=reply.first or now, error="",
        unknown=0, looks=0, cursor="", searching=0,
    )  # fmt: skip
