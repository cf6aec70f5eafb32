"""Finds deliveries that failed while ingress was unavailable and asks the platform to redeliver them.

One round checks a webhook's deliveries. Rounds need no lock: if two run at once, only one of them requests a delivery,
and ingress treats a delivery that arrives twice as a duplicate.
"""

from __future__ import annotations

import asyncio
from typing import Literal, TypeVar

import msgspec

from answerback.errors import RateLimited
from answerback.http.platform import PlatformHttp
from answerback.platforms import Exchange, Platform, scope
from answerback.platforms.redelivery import DeliveryAttempt, DeliveryLog
from answerback.store.fleet.redeliveries import Redeliveries, RedeliveryRequest
from answerback.store.threads.outbox import Outbox

T = TypeVar("T")

MARGIN = 600_000
"""ms for which a delivery may be in flight or missing from the platform's list; also covers clock differences."""
ON_ITS_WAY = 60_000
"""ms after which a requested redelivery should be in the list."""
PATIENCE = 270_000
"""ms before a redelivery that failed is requested again; doubles with each. Slightly less than a round's interval."""
MOST_TIMES = 10
"""Maximum redelivery requests per delivery; with the doubling, this covers the platform's retention period."""
MOST_A_ROUND = 200
"""Maximum redelivery requests per round."""

Outcome = Literal["asked", "found", "waiting", "refused", "given up", "lost"]
OPEN = ("asked", "found", "waiting", "refused")
"""Outcomes after which the start of the next round does not move past the delivery."""


class MissingDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery of which every attempt failed.

    Attributes:
        at: Time of the first attempt, ms.
        failed: Time of the last attempt, ms.
        status: Result of the last attempt.
        asked: Number of redelivery requests.
        outcome: What this round did: asked (requested it), found (a dry run), waiting (for a later round), refused (by
            the platform), given up (too many requests), lost (the platform no longer keeps it).
    """

    guid: str
    delivery: int
    event: str
    at: int
    failed: int
    status: str
    asked: int
    outcome: Outcome
    reason: str = ""


class RedeliveryReport(msgspec.Struct, frozen=True):
    """The result of one round: all attempts of a webhook's deliveries from `since` to `till` (ms).

    Attributes:
        seen: Number of attempts.
        retention: For how long the platform can redeliver, ms.
    """

    hook: str
    since: int
    till: int
    seen: int
    missing: list[MissingDelivery]
    retention: int

    @property
    def unknown(self) -> int:
        """Time (ms) before which the platform may no longer list failed deliveries; 0 if it lists all of them."""
        oldest = self.till - self.retention
        return oldest if self.since < oldest else 0


class Redelivery:
    """Finds failed deliveries and requests their redelivery."""

    def __init__(
        self, platform: Platform, log: DeliveryLog, http: PlatformHttp, outbox: Outbox, redeliveries: Redeliveries
    ) -> None:
        self._platform = platform
        self._log = log
        self._http = http
        self._outbox = outbox
        self._redeliveries = redeliveries

    async def round(
        self, hook: str, since: int | None = None, *, insist: bool = False, ask: bool = True
    ) -> RedeliveryReport:
        """Check all deliveries since `since` (ms) and request the missing ones.

        Args:
            since: default: the time up to which no delivery is missing, at first as far back as the platform's
                retention; that time then moves forward.
            insist: also request deliveries that were requested before, without any limit.
            ask: False for a dry run, which requests and records nothing.

        Raises:
            RateLimited, Rejected, Unavailable: the next round starts where this one did. A rate limit applies to all
                processes.
        """
        now = await self._redeliveries.now()
        healthy = await self._redeliveries.healthy(hook)
        start = since if since is not None else now - self._log.retention if healthy is None else healthy
        attempts, seen, arrived = await self._listed(hook, start)
        missing: list[MissingDelivery] = []
        asking = 0
        for tries in sorted(attempts.values(), key=lambda tries: tries[-1].at):
            last = tries[0]
            asked = await self._redeliveries.asked(hook, last.guid)
            outcome, reason = self._judged(last, asked, now, arrived, insist)
            if outcome == "asked" and not ask:
                outcome = "found"
            elif outcome == "asked" and asking >= MOST_A_ROUND and not insist:
                outcome, reason = "waiting", "left for the next round"
            elif outcome == "asked":
                if asking:
                    await asyncio.sleep(self._log.pace)
                asking += 1
                before = asked
                asked = RedeliveryRequest((before.count if before else 0) + 1, await self._redeliveries.now(), last.id)
                if not await self._redeliveries.ask(hook, last.guid, asked, before):
                    outcome, reason = "waiting", "another round is requesting it"
                elif reason := await self._perform(hook, self._log.redeliver(hook, last.id)):
                    outcome = "refused"
            missing.append(_missing(tries, asked, outcome, reason))
        if since is None and ask:
            open_since = [each.at for each in missing if each.outcome in OPEN]
            await self._redeliveries.heal(hook, max(start, min([now - MARGIN, *open_since])))
        return RedeliveryReport(hook, start, now, seen, missing, self._log.retention)

    async def _listed(self, hook: str, start: int) -> tuple[dict[str, list[DeliveryAttempt]], int, int]:
        """Return the attempts, newest first, of each delivery that never arrived; the number of all attempts; and the
        time (ms) of the last successful one.
        """
        attempts: dict[str, list[DeliveryAttempt]] = {}
        arrived: dict[str, int] = {}
        seen, cursor, more = 0, "", True
        while more:
            page = await self._perform(hook, self._log.page(hook, cursor))
            for each in page.attempts:
                if each.at < start:
                    continue
                seen += 1
                if each.state == "delivered":
                    arrived.setdefault(each.guid, each.at)
                attempts.setdefault(each.guid, []).append(each)
            cursor = page.cursor
            more = bool(cursor and page.attempts) and page.attempts[-1].at >= start
        missing = {guid: tries for guid, tries in attempts.items() if guid not in arrived}
        return missing, seen, max(arrived.values(), default=0)

    async def _perform(self, hook: str, exchange: Exchange[T]) -> T:
        """Call the platform, unless it asked one of our processes to wait."""
        name = self._platform.NAME
        if wait := await self._outbox.paused([scope(name, limit) for limit in self._log.limits(hook)]):
            raise RateLimited(wait, "", f"{self._platform.TITLE} asked for a pause; {wait:.0f} s left")
        try:
            return await self._http.perform(exchange)
        except RateLimited as limit:
            await self._outbox.pause(scope(name, limit.scope), limit.seconds)
            raise

    def _judged(
        self, last: DeliveryAttempt, asked: RedeliveryRequest | None, now: int, arrived: int, insist: bool
    ) -> tuple[Outcome, str]:
        """Decide what to do about a missing delivery, and why."""
        if last.at < now - self._log.retention:
            return "lost", f"{self._platform.TITLE} no longer keeps this delivery"
        if last.state == "pending":
            return "waiting", "in progress"
        if asked is None:
            return "asked", ""
        since = now - asked.at
        if asked.delivery == last.id and since < ON_ITS_WAY:
            return "waiting", f"requested {since / 1000:.0f} s ago"
        if insist:
            return "asked", ""
        if asked.count >= MOST_TIMES:
            return "given up", f"requested {asked.count} times"
        # Another delivery has arrived meanwhile, so this one may arrive now, too.
        if since < PATIENCE * 2 ** (asked.count - 1) and arrived <= asked.at:
            return "waiting", f"requested {asked.count} times; will be requested again"
        return "asked", ""


def _missing(
    tries: list[DeliveryAttempt], asked: RedeliveryRequest | None, outcome: Outcome, reason: str
) -> MissingDelivery:
    last = tries[0]
    return MissingDelivery(
        guid=last.guid,
        delivery=last.id,
        event=last.event,
        at=tries[-1].at,
        failed=last.at,
        status=last.status,
        asked=asked.count if asked else 0,
        outcome=outcome,
        reason=reason,
    )
