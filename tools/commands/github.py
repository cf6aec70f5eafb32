"""`answerback github`: ask GitHub to redeliver failed deliveries."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from answerback.errors import ConfigurationError

from ..exits import OK, PROBLEM
from ..groups import run
from .age import age

if TYPE_CHECKING:
    from answerback.redelivery import MissingDelivery, RedeliveryReport
    from answerback.settings import Settings


@click.group()
def github() -> None:
    """GitHub never retries a webhook by itself: ask it to redeliver what failed.

    \b
    Examples:
      answerback github redeliver --since 2h --dry-run
      answerback github redeliver --since 2h
      answerback github redeliver --hook acme/widgets/hooks/123 --since 1d
    """


@github.command()
@click.option(
    "--since", callback=age, metavar="AGE", help="How far to look back: 30m, 2h, 3d.  [default: the last complete run]"
)
@click.option(
    "--hook",
    "hooks",
    multiple=True,
    metavar="HOOK",
    help="Webhook, overrides GITHUB_REDELIVER: app, OWNER/REPO/hooks/ID, …",
)
@click.option("--dry-run", is_flag=True, help="Only list the failed deliveries.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def redeliver(since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """List the failed deliveries, and ask GitHub to redeliver each of them.

    Deliveries that succeeded in a later attempt, or were requested a moment ago, are skipped. A delivery
    that arrives twice is answered once. Workers do the same every five minutes if GITHUB_REDELIVER is set.
    Exits with 1 if a delivery is too old (over three days) or GitHub refuses to redeliver it.
    """
    sys.exit(run(_redeliver(since, hooks, dry_run, as_json)))


async def _redeliver(since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> int:
    from answerback.http.platform import PlatformHttp
    from answerback.platforms.github.deliveries import deliveries
    from answerback.redelivery import Redelivery
    from answerback.store.fleet.redeliveries import Redeliveries
    from answerback.store.threads.outbox import Outbox

    from ..rendering import document
    from ..store import opened

    settings = _configured(hooks)
    found = deliveries(settings)
    if found is None:
        raise ConfigurationError("no GitHub credential: set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY.")
    rounds: list[RedeliveryReport] = []
    http = PlatformHttp(timeout=settings.platform_timeout)
    try:
        async with opened() as store:
            database = store.threads.database
            redelivery = Redelivery(found, http, Outbox(store.threads), Redeliveries(database))
            start = await database.now() - since if since else None
            for hook in settings.github_redeliver:
                rounds.append(await redelivery.round(hook, start, insist=True, ask=not dry_run))
                if not as_json:
                    _show(rounds[-1])
    finally:
        await http.close()
    if as_json:
        document(rounds)
    bad = any(missing.outcome in ("lost", "refused") for each in rounds for missing in each.missing)
    return PROBLEM if bad else OK


def _configured(hooks: Sequence[str]) -> Settings:
    from answerback.settings import Settings

    # The option is parsed like the variable, so that both give the same errors.
    settings = Settings.load({**os.environ, **({"GITHUB_REDELIVER": ",".join(hooks)} if hooks else {})})
    if not settings.github_redeliver:
        raise ConfigurationError(
            "no webhook given: use --hook, or GITHUB_REDELIVER, which the workers use too: app (for a GitHub App), "
            "OWNER/REPO/hooks/ID or ORG/hooks/ID. The id is the last part of the URL of the webhook's page on GitHub."
        )
    return settings


def _show(found: RedeliveryReport) -> None:
    from ..rendering import show, table, when

    if found.missing:
        rows = [
            (each.guid, when(each.at), each.event, each.status, each.asked, _outcome(each)) for each in found.missing
        ]
        show(table(("delivery", "first attempt", "event", "last status", "requested", "now"), rows, long="now"))
    counts = Counter(each.outcome for each in found.missing)
    outcomes = "".join(f", {count} {outcome}" for outcome, count in counts.items())
    click.echo(
        f"{found.hook}: {found.seen} attempts since {when(found.since)}, "
        f"{len(found.missing)} failed deliveries{outcomes}",
        err=True,
    )
    if found.unknown:
        click.echo(
            f"{found.hook}: GitHub does not redeliver anything older than three days; "
            f"deliveries that failed before {when(found.unknown)} are lost and may not be listed",
            err=True,
        )


def _outcome(missing: MissingDelivery) -> str:
    return f"{missing.outcome}: {missing.reason}" if missing.reason else missing.outcome
