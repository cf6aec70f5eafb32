"""The arq cron jobs that make up for what ingress has missed, by one worker at a time.

Platforms are asked to redeliver what failed (GITHUB_REDELIVER), or messages are read that were missed (SLACK_CATCH_UP).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from arq import cron
from arq.cron import CronJob

from answerback.accepting.acceptor import Acceptor
from answerback.catchup import Catchup, message_logs
from answerback.errors import RateLimited, Rejected, StoreFull, StoreUnavailable, Unavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms import Platform
from answerback.platforms.catchup import MessageLog
from answerback.platforms.registry import PLATFORMS
from answerback.redelivery import Redelivery, RedeliveryReport
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.redeliveries import Redeliveries
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads

log = get_logger(__name__)

EVERY = 5
"""Minutes between rounds."""
LONGEST = 1800
"""Time limit of a round, in seconds."""


def redelivering(
    settings: Settings, http: PlatformHttp, outbox: Outbox, threads: Threads, accounts: Accounts
) -> list[CronJob]:
    """Return the jobs, as far as they are configured. They also run at startup, often the end of an outage."""
    rounds: list[_Rounds] = []
    catchups: list[_Catchup] = []
    database, acceptor = threads.database, Acceptor(threads, accounts, handback=settings.handback)
    for platform in PLATFORMS.values():
        hooks = platform.REDELIVERY.hooks(settings) if platform.REDELIVERY else ()
        if platform.REDELIVERY and hooks and (deliveries := platform.REDELIVERY.log(settings)):
            redelivery = Redelivery(platform, deliveries, http, outbox, Redeliveries(database))
            rounds.append(_Rounds(platform.NAME, hooks, redelivery))
        support = platform.CATCHUP
        if support and support.enabled(settings):
            catchups.append(_Catchup(platform, settings, accounts, http, threads, acceptor))
    # Two jobs: reading channels takes long, and redeliveries must not wait for that.
    return [*_every_round("redeliver", rounds), *_every_round("catch_up", catchups)]


class _Round(Protocol):
    async def run(self) -> int: ...


def _every_round(name: str, rounds: Sequence[_Round]) -> list[CronJob]:
    async def run(ctx: dict[Any, Any]) -> int:
        return sum([await each.run() for each in rounds])

    minutes = set(range(0, 60, EVERY))
    job = cron(run, name=name, minute=minutes, unique=True, run_at_startup=True, timeout=LONGEST)
    return [job] if rounds else []


class _Catchup:
    """The rounds of one platform's channels, in all of our accounts there."""

    def __init__(
        self,
        platform: Platform,
        settings: Settings,
        accounts: Accounts,
        http: PlatformHttp,
        threads: Threads,
        acceptor: Acceptor,
    ) -> None:
        self._log = log.bind(platform=platform.NAME)
        self._platform, self._settings, self._accounts = platform, settings, accounts
        self._http, self._threads, self._acceptor = http, threads, acceptor

    async def run(self) -> int:
        """Run one round. Return the number of messages that were missed."""
        try:
            messages = await message_logs(self._platform, self._settings, self._accounts)
        except (StoreUnavailable, StoreFull) as error:
            self._log.warning("looking for missed messages failed; retrying in the next round", error=str(error))
            return 0
        return sum([await self._round(each) for each in messages])

    async def _round(self, messages: MessageLog) -> int:
        redeliveries = Redeliveries(self._threads.database)
        catchup = Catchup(self._platform, messages, self._http, self._threads, self._acceptor, redeliveries)
        try:
            reports = await catchup.round()
        except (RateLimited, Unavailable, StoreUnavailable, StoreFull) as error:
            self._log.warning("looking for missed messages failed; retrying in the next round", error=str(error))
            return 0
        except Rejected as refusal:
            self._log.error("looking for missed messages rejected by the platform", error=str(refusal))
            return 0
        for report in reports:
            if report.lost:
                self._log.error("messages may have been missed that are too old now", channel=report.channel)
            if report.missed:
                missed, answered = len(report.missed), len(report.answered)
                self._log.info("missed messages stored", channel=report.channel, missed=missed, answered=answered)
        return sum(len(report.missed) for report in reports)


class _Rounds:
    """The rounds of one platform's webhooks."""

    def __init__(self, platform: str, hooks: Sequence[str], redelivery: Redelivery) -> None:
        self._log = log.bind(platform=platform)
        self._hooks = hooks
        self._redelivery = redelivery

    async def run(self) -> int:
        """Run one round for each webhook. Return the number of redeliveries requested."""
        return sum([await self._round(hook) for hook in self._hooks])

    async def _round(self, hook: str) -> int:
        try:
            report = await self._redelivery.round(hook)
        except (RateLimited, Unavailable, StoreUnavailable, StoreFull) as error:
            self._log.warning("delivery check failed; retrying in the next round", hook=hook, error=str(error))
            return 0
        except Rejected as refusal:
            self._log.error("delivery check rejected by the platform", hook=hook, error=str(refusal))
            return 0
        self._report(report)
        return sum(each.outcome == "asked" for each in report.missing)

    def _report(self, report: RedeliveryReport) -> None:
        if report.unknown:
            self._log.error(
                "deliveries may have been missed: no check within the platform's retention period",
                hook=report.hook,
                since=report.since,
            )
        for each in report.missing:
            fields = {
                "hook": report.hook,
                "delivery": each.guid,
                "event_name": each.event,
                "failed": each.failed,
                "status": each.status,
                "asked": each.asked,
            }
            match each.outcome:
                case "asked":
                    self._log.info("redelivery requested", **fields)
                case "lost" | "given up":
                    self._log.error("delivery lost", reason=each.reason, **fields)
                case "refused":
                    self._log.warning("redelivery refused by the platform", reason=each.reason, **fields)
