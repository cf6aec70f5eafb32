"""Sending replies: pending → sending → sent or failed. Each state is stored before a request is sent."""

from __future__ import annotations

import time

import msgspec

from answerback import tracing
from answerback.errors import LeaseLost, MessageGone, NoSuchFile, RateLimited, Rejected, TooLong, Unavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import ALWAYS, Client, NextPage, Sent
from answerback.platforms.text import split
from answerback.replies import Reply, ReplyKind
from answerback.store.decode import UnreadableReply, unreadable_reason
from answerback.store.keys import Partition
from answerback.store.threads.leases import Reservation
from answerback.store.threads.outbox import Outbox, Outgoing

from ..backoff import Backoff
from ..metrics import LEASES_LOST, REPLY_RETRIES
from ..orders import LONGEST as LONGEST_WAIT
from ..orders import Pauses
from ..retry import retry_while_unavailable
from . import progress
from .clients import Clients
from .exchanges import found_by, limits_of, request_of
from .identities import Identities
from .pauses import RateLimitPauses
from .progress import changed
from .settlements import Settlements
from .targets import Targets

log = get_logger(__name__)

LOOKS = (1 / 6, 1.0)
"""When to look for a reply of unknown outcome, as fractions of the time within which a late post may still appear."""
PAGES_AT_ONCE = 10
"""Pages of a search to read before the slot is given to another thread."""
LONGEST_SEARCH = 3_600_000
"""ms after which a search that rate limits keep interrupting is given up."""
SHORTEST = 1000
"""Characters below which a reply is not divided further, whatever the platform responds."""
CHANGES: frozenset[ReplyKind] = frozenset({"edit", "delete", "reaction", "check"})
"""The kinds of replies of which a late repeat would undo what followed it."""
REPEATS = 1
"""How often a reply is sent again after a request of unknown outcome that its platform may not find."""
PREPARATIONS = 3
"""How many times in a row a reply is prepared, with its last request, before the next attempt."""
LONGEST_PAUSE, MOST_PAUSES = 86_400_000, 24
"""A reply is given up once both are exceeded: ms since its first request, and pauses requested by the platform."""


class Sender:
    """Sends the replies in the outboxes, one at a time per thread.

    A reply found in state `sending` has an unknown outcome: a worker died or a response was lost after the request may
    have been sent. The platform may execute such a request seconds later. So the worker looks for the reply twice, soon
    and again when it can no longer appear, and only then posts it again. An echo (see `Outbox.confirm`) settles it at
    any time. The progress is stored in the reply's record, and the outbox is released while it waits.

    Args:
        late: Seconds within which a reply may still appear.
        pacing: Whether replies are sent no faster than platforms accept them, instead of waiting for refusals.
    """

    def __init__(
        self,
        outbox: Outbox,
        clients: Clients,
        identities: Identities,
        http: PlatformHttp,
        paused: Pauses,
        *,
        owner: str,
        lease: float,
        max_attempts: int = 10,
        backoff: Backoff,
        late: float = 30.0,
        pacing: bool = True,
    ) -> None:
        self._outbox = outbox
        self._clients = clients
        self._identities = identities
        self._http = http
        self._paused = paused
        self._pauses = RateLimitPauses(outbox)
        self._settlements = Settlements(outbox)
        self._targets = Targets(outbox)
        self._owner = owner
        self._fresh = lease / 2
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._late = late * 1000
        self._pacing = pacing

    @property
    def paused(self) -> bool:
        """Whether nothing may be claimed now, because all is paused."""
        return self._paused.everything

    async def claim(self, p: Partition, reservation: Reservation) -> list[Outgoing]:
        """Claim the reserved outboxes."""
        return await self._outbox.claim(p, reservation, owner=self._owner)

    async def run(self, outgoing: Outgoing) -> None:
        """Send a thread's replies until none is left or the outbox has to wait."""
        following: Outgoing | None = outgoing
        try:
            while following is not None:
                following = await self._traced(following)
        except LeaseLost:
            LEASES_LOST.labels("due").inc()
            log.warning("another worker now sends replies for this thread", thread=outgoing.thread)

    async def _traced(self, outgoing: Outgoing) -> Outgoing | None:
        if tracing.current is None:
            return await self._send(outgoing)
        reply = outgoing.reply
        with tracing.current.reply(reply.thread, reply.key, reply.platform, attempt=reply.attempts, parent=reply.trace):
            return await self._send(outgoing)

    async def _send(self, outgoing: Outgoing) -> Outgoing | None:
        reply = outgoing.reply
        if isinstance(reply, UnreadableReply):
            return await self._settlements.failed(outgoing, unreadable_reason(reply.why), "unreadable")
        if self._paused.everything:
            await retry_while_unavailable(self._outbox.defer, outgoing, 0, retry=False)
            return None
        if pause := self._paused.replies(reply.platform):
            await retry_while_unavailable(self._outbox.defer, outgoing, LONGEST_WAIT, retry=False, pause=pause)
            return None
        access = await self._clients.access(reply.platform, reply.account)
        if access and access.refusal:
            return await self._settlements.failed(outgoing, access.refusal, "no_credential")
        client = (access.client if access else None) or self._clients.get(reply.platform)
        if client is None:
            reason = f"this worker has no credential for {reply.platform}"
            return await self._settlements.failed(outgoing, reason, "no_credential")
        identity = await self._identities.of(reply.platform, reply.account)
        if identity is None:
            await retry_while_unavailable(
                self._outbox.defer, outgoing, self._identities.delay(reply.platform), retry=False
            )
            return None
        if reply.kind not in client.kinds:
            reason = f"this version of Answerback cannot send this to {reply.platform}: {reply.what}"
            return await self._settlements.failed(outgoing, reason, "rejected")
        try:
            if reply.content is not None:
                outgoing = await self._targets.resolved(client, outgoing)
                reply = outgoing.reply
                if reply.kind in CHANGES and await self._pauses.held_back(outgoing, self._late * client.lag / 1000):
                    return None
            # While the platform drops a repeated post, posting again settles it. A message that shows the reply
            # already has to be known first.
            if (reply.shown and not reply.shown.message) or (
                reply.state == "sending" and not self._repeatable(client, reply)
            ):
                return await self._settle(client, identity, outgoing)
            return await self._post(client, outgoing)
        except Rejected as refusal:
            return await self._settlements.failed(outgoing, str(refusal), "rejected")

    async def _settle(self, client: Client, identity: Identity, outgoing: Outgoing) -> Outgoing | None:
        """Look on the platform for a reply that may have been posted; post it again if it is not there."""
        # Use the lease clock: a step of the Redis clock must not shorten the time in which a post may still appear.
        now = await self._outbox.clock(outgoing.thread)
        if not 0 < outgoing.reply.unknown <= now:
            # Its sender died, or the time was taken from another clock.
            outgoing = progress.unknown_since(outgoing, now)
        for _ in range(PAGES_AT_ONCE):
            reply = outgoing.reply
            blind = client.repeat(reply).then == "unknown"
            if reply.looks >= len(LOOKS) and not (blind or client.finds_texts):
                log.warning("reply not found on the platform; posting it again", reply=reply.key)
                return await self._post_anew(client, outgoing)
            if reply.looks >= len(LOOKS):
                return await self._post_blindly(client, outgoing)
            wait = reply.unknown + LOOKS[reply.looks] * self._late * client.lag - now
            if wait > 0:
                await retry_while_unavailable(self._outbox.defer, outgoing, wait / 1000, retry=True)
                return None
            if blind:
                outgoing = changed(outgoing, looks=reply.looks + 1)
                continue
            if await self._pauses.deferred(outgoing, client.limits(reply, looking=True)):
                return None
            outgoing = changed(outgoing, searching=reply.searching or now)
            try:
                result = await self._http.perform(found_by(client, reply)(await self._sought(client, reply), identity))
            except RateLimited as limit:
                if now - outgoing.reply.searching > LONGEST_SEARCH:
                    return await self._settlements.failed(
                        outgoing,
                        f"gave up looking for the reply: {limit}. It may have been posted; no webhook about it came.",
                    )
                await self._pauses.pause(outgoing, limit)
                return None
            except Unavailable as trouble:
                return await self._look_again(outgoing, trouble)
            if isinstance(result, Sent) and reply.shown:
                return await self._post(client, progress.found(outgoing, result))
            if isinstance(result, Sent):
                return await self._settlements.sent(outgoing, result)
            if isinstance(result, NextPage):
                outgoing = changed(outgoing, cursor=result.cursor)
            else:
                outgoing = changed(outgoing, looks=reply.looks + 1, cursor="", searching=0)
        await retry_while_unavailable(self._outbox.defer, outgoing, 0, retry=False)
        return None

    async def _sought(self, client: Client, reply: Reply) -> Reply:
        """Return a reply as it is looked for: with the ids of our other messages, where it is known by its text."""
        if not client.finds_texts:
            return reply
        replies = await retry_while_unavailable(self._outbox.replies, reply.thread)
        others = tuple(other.message for other in replies.values() if other.message and other.key != reply.key)
        return msgspec.structs.replace(reply, known=others)

    def _repeatable(self, client: Client, reply: Reply) -> bool:
        """Return whether the platform would drop a repeat of the reply's request by itself."""
        if reply.shown:
            return True
        native = client.repeat(reply).native
        # Half of it: the request that is made now takes time to arrive, and clocks differ.
        return native == ALWAYS or (native > 0 and self._outbox.now - reply.first < native * 500)

    async def _look_again(self, outgoing: Outgoing, trouble: Unavailable) -> Outgoing | None:
        attempts = outgoing.reply.attempts + 1
        if attempts > self._max_attempts:
            doubt = "It may have been posted anyway."
            return await self._settlements.failed(
                outgoing, f"gave up after {attempts - 1} attempts: {trouble}. {doubt}"
            )
        delay = max(self._backoff.after(attempts), trouble.after)
        outgoing = progress.refused(outgoing, trouble)
        log.warning(
            "reply lookup failed; will be retried", reply=outgoing.reply.key, error=str(trouble), next_try=delay
        )
        await retry_while_unavailable(
            self._outbox.defer, changed(outgoing, attempts=attempts, error=str(trouble)), delay, retry=True
        )
        return None

    async def _post(self, client: Client, outgoing: Outgoing) -> Outgoing | None:
        reply = outgoing.reply
        if reply.attempts >= self._max_attempts:
            # The last attempt had an unknown outcome, and the reply was not found.
            return await self._settlements.failed(outgoing, f"gave up after {reply.attempts} attempts: {reply.error}")
        if await self._pauses.deferred(outgoing, limits_of(client, reply)):
            return None
        if self._pacing and await self._pauses.paced(outgoing, client.rates(reply)):
            return None
        attempt = progress.attempted(outgoing, self._outbox.now)

        async def mark_sending() -> float:
            # A process that is suspended from here on may lose its lease: a request that was not sent within the
            # first half of the lease has to be marked again.
            deadline = time.monotonic() + self._fresh
            await retry_while_unavailable(self._outbox.mark_sending, progress.in_doubt(attempt))
            return deadline

        try:
            sending = await retry_while_unavailable(self._outbox.with_files, attempt.reply)
            for _ in range(PREPARATIONS):
                message = await self._http.perform(request_of(client, sending), before_send=mark_sending)
                if isinstance(message, Sent):
                    break
                # `mark_sending` stores it before the request that takes effect.
                attempt = changed(attempt, prepared=message.state)
                sending = msgspec.structs.replace(sending, prepared=message.state)
            else:
                raise Unavailable("the platform lost again what it was given in preparation", unknown=False)
        except NoSuchFile:
            return await self._settlements.failed(
                attempt, "a file of the reply was deleted from its thread", "rejected"
            )
        except RateLimited as limit:
            # The request was rejected, not posted: the outcome of the reply is what it was before this attempt.
            outgoing = changed(
                outgoing, first=attempt.reply.first, waits=reply.waits + 1, prepared=attempt.reply.prepared
            )
            if reply.waits >= MOST_PAUSES and self._outbox.now - attempt.reply.first > LONGEST_PAUSE:
                return await self._settlements.failed(
                    outgoing, f"gave up after the platform asked to wait {reply.waits} times: {limit}"
                )
            await self._pauses.pause(outgoing, limit)
            return None
        except TooLong as refusal:
            return await self._divide(attempt, refusal)
        except MessageGone:
            log.warning("the message that showed the reply is gone; posting it", reply=reply.key)
            return await self._post_anew(client, attempt)
        except Rejected as refusal:
            return await self._settlements.failed(attempt, str(refusal), "rejected")
        except Unavailable as trouble:
            return await self._again(
                client, outgoing, progress.in_doubt(attempt) if trouble.unknown else attempt, trouble
            )
        if wait := await self._unsettled(client, attempt):
            await retry_while_unavailable(self._outbox.defer, progress.in_doubt(attempt), wait, retry=True)
            return None
        return await self._settlements.sent(attempt, message)

    async def _post_anew(self, client: Client, outgoing: Outgoing) -> Outgoing | None:
        """Post a reply that no message shows. A shown one without a text was to be deleted: that is done."""
        deleted = outgoing.reply.shown is not None and not outgoing.reply.text
        anew = changed(outgoing, shown=None, message="")
        return await (self._settlements.sent(anew, Sent("")) if deleted else self._post(client, anew))

    async def _post_blindly(self, client: Client, outgoing: Outgoing) -> Outgoing | None:
        """Post a reply again that may be there already, since it cannot be looked for, or only by its text.

        Once: then an operator decides.
        """
        reply = outgoing.reply
        if reply.repeats >= REPEATS:
            return await self._settlements.failed(
                outgoing,
                f"two requests had an unknown outcome: {reply.error or 'the worker died'}. The reply may have been "
                "posted: look for it there, then drop this dead letter, or replay it",
            )
        log.warning("outcome unknown; posting the reply again, it may appear twice", reply=reply.key)
        return await self._post_anew(client, changed(outgoing, twice=True))

    async def _unsettled(self, client: Client, attempt: Outgoing) -> float:
        """Return the seconds for which an earlier edit may still undo what the message shows now; 0 if none can."""
        shown = attempt.reply.shown
        if not shown or not shown.doubt:
            return 0.0
        late = self._late * client.lag
        wait = shown.doubt + late - await self._outbox.clock(attempt.thread)
        return max(0.0, min(wait, late)) / 1000

    async def _divide(self, attempt: Outgoing, refusal: TooLong) -> Outgoing | None:
        """Split a reply that is too long for one message: how a platform counts characters is not always documented."""
        text = attempt.reply.text
        if len(text) < SHORTEST:
            return await self._settlements.failed(attempt, str(refusal), "rejected")
        parts = split(text, len(text) * 3 // 5)
        log.warning("reply too long; posting it in parts", reply=attempt.reply.key, parts=len(parts))
        first: Outgoing = await retry_while_unavailable(self._outbox.divide, attempt, parts)
        return first

    async def _again(
        self, client: Client, before: Outgoing, attempt: Outgoing, trouble: Unavailable
    ) -> Outgoing | None:
        attempt = progress.refused(attempt, trouble)
        reply, now = attempt.reply, await self._outbox.clock(attempt.thread)
        delay = max(self._backoff.after(reply.attempts), trouble.after)
        if trouble.unknown and not self._repeatable(client, reply):
            attempt = changed(attempt, unknown=now)
            delay = max(LOOKS[0] * self._late * client.lag / 1000, trouble.after)
        elif reply.attempts >= self._max_attempts:
            doubt = " It may have been posted anyway." if trouble.unknown else ""
            return await self._settlements.failed(
                changed(attempt, unknown=now if trouble.unknown else 0),
                f"gave up after {reply.attempts} attempts: {trouble}.{doubt}",
            )
        elif trouble.unknown:
            attempt = changed(attempt, unknown=now)
        elif before.reply.state == "sending":
            # It was looked for and not found. Look once more before the next attempt.
            attempt = changed(attempt, unknown=before.reply.unknown, looks=len(LOOKS) - 1, repeats=before.reply.repeats)
        else:
            attempt = changed(attempt, state=reply.waiting)
        REPLY_RETRIES.labels(reply.platform).inc()
        log.warning(
            "reply not sent; will be retried", reply=reply.key, thread=reply.thread, error=str(trouble), next_try=delay
        )
        await retry_while_unavailable(self._outbox.defer, changed(attempt, error=str(trouble)), delay, retry=True)
        return None
