"""The requests that show replies while they are written: recorded first, and within a budget of their own."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from answerback.errors import RateLimited
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Client, Exchange, Place, Streaming, StreamRequest, scope
from answerback.replies import Reply, StreamedReply
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..replies.identities import Identities

log = get_logger(__name__)

T = TypeVar("T")

BURST = 5.0
"""Requests of one kind that may be made at once."""


class NotFirst(Exception):
    """Earlier replies of the thread are still to be sent: nothing may be shown before them."""


class ShowRequests:
    """What all streamed replies of a worker share.

    Args:
        late: Seconds within which the effect of a request may still appear.
    """

    def __init__(
        self,
        threads: Threads,
        outbox: Outbox,
        identities: Identities,
        http: PlatformHttp,
        *,
        lease: float,
        late: float,
    ) -> None:
        self._threads = threads
        self._outbox = outbox
        self._identities = identities
        self._fresh = lease / 2
        self._late = late * 1000
        self._paused: dict[str, float] = {}
        self._budgets: dict[str, tuple[float, float]] = {}
        self.http = http

    async def store(self, claim: Claim, *, first: bool = False) -> None:
        """Store what is known of the messages. Raises `LeaseLost`, or `NotFirst`: then nothing may be sent."""
        if not await self._threads.show(claim, claim.streamed or StreamedReply(""), first=first):
            raise NotFirst

    async def perform(self, exchange: Exchange[T], record: Callable[[], Awaitable[None]]) -> T:
        """Perform an exchange. Before each request, `record` stores what may be true after it.

        As with replies, a request that is not sent in the first half of the lease which that starts is recorded again.
        """

        async def before_send() -> float:
            deadline = time.monotonic() + self._fresh
            await record()
            return deadline

        return await self.http.perform(exchange, before_send=before_send)

    async def times(self, claim: Claim) -> tuple[int, int]:
        """Return the time of Redis, and of the lease clock of the claim's partition, in ms."""
        return self._threads.now, max(1, self._threads.clock(await self._threads.locate(claim.thread)))

    def late(self, client: Client) -> float:
        """Return the time within which the effect of a request may still appear, in ms."""
        return self._late * client.lag

    async def account(self, place: Place, account: str) -> Identity | None:
        """Return who we are there."""
        return await self._identities.of(place.thread.partition(":")[0], account)

    async def cancel(self, claim: Claim) -> None:
        """Cancel the turn: a person stopped it."""
        log.info("a person stopped the reply", thread=claim.thread)
        await self._threads.cancel(claim.thread)

    def pause(self, place: Place, limit: RateLimited) -> None:
        """Show nothing that counts toward this limit for as long as the platform asks; replies are not concerned."""
        paused = scope(place.thread.partition(":")[0], limit.scope)
        self._paused[paused] = time.monotonic() + limit.seconds
        log.debug("showing paused", scope=paused, seconds=limit.seconds)

    async def wait(self, place: Place, limits: Sequence[str]) -> float:
        """Return the seconds until none of these rate limits is paused, for what is shown or for replies."""
        scopes = [scope(place.thread.partition(":")[0], limit) for limit in limits]
        now = time.monotonic()
        ours = max([0.0, *(self._paused.get(each, 0.0) - now for each in scopes)])
        return ours or await self._outbox.paused(scopes)

    async def reserve(self, place: Place, streaming: Streaming, request: StreamRequest, reply: Reply) -> float:
        """Return the seconds to wait before a request, and count it if it is 0."""
        limits = streaming.limits(reply, request)
        if wait := await self.wait(place, limits):
            return wait
        rate, now = streaming.budget[request] / 60, time.monotonic()
        key = f"{scope(place.thread.partition(':')[0], limits[-1])} {request}"
        left, at = self._budgets.get(key, (BURST, now))
        left = min(BURST, left + (now - at) * rate)
        self._budgets[key] = (left - 1 if left >= 1 else left, now)
        return 0.0 if left >= 1 else (1 - left) / rate
