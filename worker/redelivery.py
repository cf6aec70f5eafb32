"""The arq cron job that asks GitHub to redeliver failed deliveries; enabled by GITHUB_REDELIVER."""

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
from answerback.store.fleet.redeliveries import Redeliveries
from answerback.store.redis import Database
from answerback.store.threads.outbox import Outbox

log = get_logger(__name__)

EVERY = 5
"""Minutes between rounds."""
LONGEST = 1800
"""Time limit of a round, in seconds."""


def redelivering(settings: Settings, http: PlatformHttp, outbox: Outbox, database: Database) -> list[CronJob]:
    """Return the job, or nothing if it is disabled. It also runs at startup, often the end of an outage."""
    hooks, github = settings.github_redeliver, deliveries(settings)
    if not hooks or github is None:
        return []
    job = _Job(hooks, Redelivery(github, http, outbox, Redeliveries(database)))
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
        """Run one round for each webhook. Return the number of redeliveries requested."""
        return sum([await self._round(hook) for hook in self._hooks])

    async def _round(self, hook: str) -> int:
        try:
            report = await self._redelivery.round(hook)
        except (RateLimited, Unavailable, StoreUnavailable, StoreFull) as error:
            log.warning("delivery check failed; retrying in the next round", hook=hook, error=str(error))
            return 0
        except Rejected as refusal:
            log.error("delivery check rejected by GitHub", hook=hook, error=str(refusal))
            return 0
        _log(report)
        return sum(each.outcome == "asked" for each in report.missing)


def _log(report: RedeliveryReport) -> None:
    if report.unknown:
        log.error(
            "deliveries may have been missed: no check within GitHub's retention period",
            hook=report.hook,
            since=report.since,
        )
    for each in report.missing:
        fields = {
            "hook": report.hook,
            "delivery": each.guid,
            "github_event": each.event,
            "failed": each.failed,
            "status": each.status,
            "asked": each.asked,
        }
        match each.outcome:
            case "asked":
                log.info("redelivery requested", **fields)
            case "lost" | "given up":
                log.error("delivery lost", reason=each.reason, **fields)
            case "refused":
                log.warning("redelivery refused by GitHub", reason=each.reason, **fields)
