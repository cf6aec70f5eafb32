"""A reply's way out: pending → sending → sent or failed, each state stored before the next byte leaves."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from answerback.errors import LeaseLost, RateLimited, Rejected, Unavailable
from answerback.http import Http
from answerback.log import get_logger
from answerback.messages import DeadLetter, Reply
from answerback.platforms import Client, Sent
from answerback.store import Outbox, Outgoing

from .backoff import Backoff
from .identity import UNIDENTIFIED_DELAY, Identities
from .patience import patiently

log = get_logger(__name__)


class Sender:
    """Sends what outboxes hold, one reply at a time in each thread.

    A reply found in `sending` has an unknown fate: a worker died, or an answer was lost, after its
    request may have left. It is settled by the platform's own means before anything is posted again.
    """

    def __init__(
        self,
        outbox: Outbox,
        clients: Mapping[str, Client],
        identities: Identities,
        http: Http,
        *,
        lease: float,
        max_attempts: int = 10,
        backoff: Backoff,
    ) -> None:
        self._outbox = outbox
        self._clients = clients
        self._identities = identities
        self._http = http
        self._fresh = lease / 2
        self._max_attempts = max_attempts
        self._backoff = backoff

    async def run(self, outgoing: Outgoing) -> None:
        """Send a thread's replies until none is left or its outbox has to wait."""
        following: Outgoing | None = outgoing
        try:
            while following is not None:
                following = await self._send(following)
        except LeaseLost:
            log.warning("another worker sends for this thread now", thread=outgoing.thread)

    async def _send(self, outgoing: Outgoing) -> Outgoing | None:
        reply = outgoing.reply
        client = self._clients.get(reply.platform)
        if client is None:
            return await self._fail(outgoing, f"this worker has no credential for {reply.platform}")
        if reply.platform not in self._identities.known:
            await patiently(self._outbox.defer, outgoing, UNIDENTIFIED_DELAY, retry=False)
            return None
        scopes = _scopes(reply)
        if wait := await patiently(self._outbox.paused, scopes):
            await patiently(self._outbox.defer, outgoing, wait, retry=False)
            return None
        attempt = _attempt(outgoing, self._outbox.now)
        try:
            sent = await self._settled(client, outgoing) or await self._post(client, attempt)
        except RateLimited as limit:
            scope = f"{reply.platform}/{limit.scope}" if limit.scope else reply.platform
            log.warning("rate limited", scope=scope, seconds=limit.seconds, reply=reply.key)
            await patiently(self._outbox.pause, scope, limit.seconds)
            # Refused, it was not posted: its fate is as known, or unknown, as it was before this try.
            await patiently(self._outbox.defer, outgoing, limit.seconds, retry=False)
            return None
        except Rejected as refusal:
            return await self._fail(attempt, str(refusal))
        except Unavailable as trouble:
            return await self._again(attempt, trouble, unknown=trouble.unknown or reply.state == "sending")
        return await self._done(attempt, sent)

    async def _settled(self, client: Client, outgoing: Outgoing) -> Sent | None:
        """What became of a reply whose request may have left: found on the platform, or not."""
        if outgoing.reply.state != "sending" or client.once == "native":
            return None
        if client.once == "find":
            return await self._http.perform(client.find(outgoing.reply))
        log.warning("a reply of unknown fate is posted once more", reply=outgoing.reply.key, thread=outgoing.thread)
        return None

    async def _post(self, client: Client, attempt: Outgoing) -> Sent:
        async def leave() -> float:
            # A process that is paused from here on may lose its lease meanwhile: what has not left in the first
            # half of it has to ask again.
            till = time.monotonic() + self._fresh
            await patiently(self._outbox.mark, attempt)
            return till

        return await self._http.perform(client.post(attempt.reply), leave=leave)

    async def _done(self, outgoing: Outgoing, sent: Sent) -> Outgoing | None:
        reply = msgspec.structs.replace(outgoing.reply, state="sent", message=sent.message, url=sent.url, error="")
        log.info("reply sent", reply=reply.key, thread=reply.thread, message=sent.message)
        following: Outgoing | None = await patiently(
            self._outbox.settle, msgspec.structs.replace(outgoing, reply=reply)
        )
        return following

    async def _again(self, attempt: Outgoing, trouble: Unavailable, *, unknown: bool) -> Outgoing | None:
        reply = attempt.reply
        if reply.attempts >= self._max_attempts:
            doubt = " It may have been posted all the same." if unknown else ""
            return await self._fail(attempt, f"gave up after {reply.attempts} tries: {trouble}.{doubt}")
        delay = self._backoff.after(reply.attempts)
        log.warning("reply not sent yet", reply=reply.key, thread=reply.thread, error=str(trouble), next_try=delay)
        waiting = msgspec.structs.replace(reply, state="sending" if unknown else "pending", error=str(trouble))
        await patiently(self._outbox.defer, msgspec.structs.replace(attempt, reply=waiting), delay, retry=True)
        return None

    async def _fail(self, outgoing: Outgoing, reason: str) -> Outgoing | None:
        reply = msgspec.structs.replace(outgoing.reply, state="failed", error=reason)
        log.error("reply failed for good", reply=reply.key, thread=reply.thread, reason=reason)
        letter = DeadLetter(id=reply.key, kind="reply", thread=reply.thread, reason=reason, attempts=reply.attempts)
        following: Outgoing | None = await patiently(
            self._outbox.settle, msgspec.structs.replace(outgoing, reply=reply), letter
        )
        return following


def _attempt(outgoing: Outgoing, now: int) -> Outgoing:
    """The reply as it is stored while a request may be on its way."""
    reply = outgoing.reply
    trying = msgspec.structs.replace(
        reply, state="sending", attempts=reply.attempts + 1, first=reply.first or now, error=""
    )
    return msgspec.structs.replace(outgoing, reply=trying)


def _scopes(reply: Reply) -> list[str]:
    """What may be paused for a reply: its platform's credential, and each bucket that its address names."""
    buckets = [f"installation:{reply.address['installation']}"] if "installation" in reply.address else []
    if "channel" in reply.address:
        buckets.append(str(reply.address["channel"]))
    return [reply.platform, *(f"{reply.platform}/{bucket}" for bucket in buckets)]
