"""`answerback github`: what only GitHub needs."""

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
    """GitHub delivers a webhook once. What failed while ingress was away has to be asked for again.

    \b
    Examples:
      answerback github redeliver --since 2h --dry-run
      answerback github redeliver --since 2h
      answerback github redeliver --hook acme/widgets/hooks/123 --since 1d
    """


@github.command()
@click.option(
    "--since", callback=age, metavar="AGE", help="How far to look back: 30m, 2h, 3d. Else to when all was well."
)
@click.option(
    "--hook", "hooks", multiple=True, metavar="HOOK", help="Instead of GITHUB_REDELIVER's: app, OWNER/REPO/hooks/ID, …"
)
@click.option("--dry-run", is_flag=True, help="Only list what failed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def redeliver(since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """List the deliveries that failed, and ask GitHub for each of them again.

    One that arrived at a later try is not asked for, nor is one that was asked for just now. What arrives
    twice is answered once. Workers do the same every five minutes where GITHUB_REDELIVER is set.
    Exits with 1 when there is one that GitHub delivers no longer (after three days), or refuses to.
    """
    sys.exit(run(_redeliver(since, hooks, dry_run, as_json)))


async def _redeliver(since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> int:
    from answerback.http.platform import PlatformHttp
    from answerback.platforms.github.deliveries import deliveries
    from answerback.redelivery import Redelivery
    from answerback.store import Outbox, Redeliveries

    from ..rendering import document
    from ..store import opened

    settings = _configured(hooks)
    found = deliveries(settings)
    if found is None:
        raise ConfigurationError("there is no credential for GitHub: set GITHUB_TOKEN, or a GitHub App's id and key.")
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

    # An option is read as the variable is: the same is said of a wrong one.
    settings = Settings.load({**os.environ, **({"GITHUB_REDELIVER": ",".join(hooks)} if hooks else {})})
    if not settings.github_redeliver:
        raise ConfigurationError(
            "which webhook? Name it with --hook, or for the workers too with GITHUB_REDELIVER: app (a GitHub App's), "
            "OWNER/REPO/hooks/ID or ORG/hooks/ID. The number ends the address of the webhook's page at GitHub."
        )
    return settings


def _show(found: RedeliveryReport) -> None:
    from ..rendering import show, table, when

    if found.missing:
        rows = [
            (each.guid, when(each.at), each.event, each.status, each.asked, _outcome(each)) for each in found.missing
        ]
        show(table(("delivery", "first tried", "event", "last try", "asked", "now"), rows, long="now"))
    counts = Counter(each.outcome for each in found.missing)
    told = "".join(f", {count} {outcome}" for outcome, count in counts.items())
    click.echo(
        f"{found.hook}: {found.seen} tries since {when(found.since)}, {len(found.missing)} failed deliveries{told}",
        err=True,
    )
    if found.unknown:
        click.echo(
            f"{found.hook}: GitHub delivers nothing again that is older than three days; "
            f"what failed before {when(found.unknown)} is lost, and may not even be listed",
            err=True,
        )


def _outcome(missing: MissingDelivery) -> str:
    return f"{missing.outcome}: {missing.reason}" if missing.reason else missing.outcome
