"""Asking GitHub for what it could not deliver: an arq cron job, where GITHUB_REDELIVER switches it on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arq import cron
from arq.cron import CronJob

from answerback.errors import RateLimited, Rejected, StoreFull, StoreUnavailable, Unavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms.github.deliveries import deliveries
from answerback.redelivery import Redelivery, RedeliveryReport
from answerback.settings import Settings
from answerback.store import Database, Outbox, Redeliveries

log = get_logger(__name__)

EVERY = 5
"""Minutes between two rounds."""
LONGEST = 1800
"""Seconds that a round may take."""


def redelivering(settings: Settings, http: PlatformHttp, outbox: Outbox, database: Database) -> list[CronJob]:
    """The job, or none. It runs when a worker starts, too: that is often the end of an outage."""
    hooks, found = settings.github_redeliver, deliveries(settings)
    if not hooks or found is None:
        return []
    job = _Job(hooks, Redelivery(found, http, outbox, Redeliveries(database)))
    return [
        cron(
            job.run,
            name="redeliver",
            minute=set(range(0, 60, EVERY)),
            unique=True,
            run_at_startup=True,
            timeout=LONGEST,
        )
    ]


class _Job:
    def __init__(self, hooks: Sequence[str], redelivery: Redelivery) -> None:
        self._hooks = hooks
        self._redelivery = redelivery

    async def run(self, ctx: dict[Any, Any]) -> int:
        """One round of each webhook. Returns how many deliveries were asked for."""
        return sum([await self._round(hook) for hook in self._hooks])

    async def _round(self, hook: str) -> int:
        try:
            found = await self._redelivery.round(hook)
        except (RateLimited, Unavailable, StoreUnavailable, StoreFull) as error:
            log.warning("delivery check failed; retrying in the next round", hook=hook, error=str(error))
            return 0
        except Rejected as refusal:
            log.error("delivery check rejected by GitHub", hook=hook, error=str(refusal))
            return 0
        _tell(found)
        return sum(each.outcome == "asked" for each in found.missing)


def _tell(found: RedeliveryReport) -> None:
    if found.unknown:
        log.error(
            "deliveries may have been missed: no check within GitHub's retention period",
            hook=found.hook,
            since=found.since,
        )
    for each in found.missing:
        told = {
            "hook": found.hook,
            "delivery": each.guid,
            "github_event": each.event,
            "failed": each.failed,
            "status": each.status,
            "asked": each.asked,
        }
        match each.outcome:
            case "asked":
                log.info("redelivery requested", **told)
            case "lost" | "given up":
                log.error("delivery lost", reason=each.reason, **told)
            case "refused":
                log.warning("redelivery refused by GitHub", reason=each.reason, **told)
