"""`answerback redeliver`: ask platforms to redeliver failed deliveries, or read messages again that were missed."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from answerback.errors import ConfigurationError

from ..exits import OK, PROBLEM
from ..groups import run
from .age import age

if TYPE_CHECKING:
    from answerback.platforms import Platform
    from answerback.platforms.redelivery import RedeliverySupport
    from answerback.redelivery import MissingDelivery, RedeliveryReport
    from answerback.settings import Settings

_OPTIONS = (
    click.option(
        "--since",
        callback=age,
        metavar="AGE",
        help="How far to look back: 30m, 2h, 3d.  [default: the last complete run]",
    ),
    click.option(
        "--hook",
        "hooks",
        multiple=True,
        metavar="HOOK",
        help="Webhook, overrides the setting, such as GITHUB_REDELIVER: app, OWNER/REPO/hooks/ID, …",
    ),
    click.option("--dry-run", is_flag=True, help="Only list the failed deliveries."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("platform", required=False)
@_options
def redeliver(platform: str | None, since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """List the failed deliveries, and ask their platform to redeliver each of them.

    For platforms that never retry a webhook by themselves: github. Deliveries that succeeded in a later
    attempt, or were requested a moment ago, are skipped. A delivery that arrives twice is answered once.
    Workers do the same every five minutes if GITHUB_REDELIVER is set. Exits with 1 if a delivery is too
    old (GitHub: over three days) or the platform refuses to redeliver it. PLATFORM defaults to all that
    are configured.

    Slack repeats a webhook for five minutes only: its channels are read, and messages that were missed are
    stored, those since the last run or --since (a day at most). What a person has answered meanwhile is
    not answered. Workers do the same every five minutes with SLACK_CATCH_UP=true.

    \b
    Examples:
      answerback redeliver --since 2h --dry-run
      answerback redeliver --since 2h
      answerback redeliver github --hook acme/widgets/hooks/123 --since 1d
      answerback redeliver slack --since 2h
    """
    from answerback.platforms.registry import PLATFORMS

    chosen = PLATFORMS.get(platform or "")
    if chosen is not None and chosen.CATCHUP:
        if hooks or dry_run:
            raise click.UsageError(f"{chosen.TITLE} has no deliveries to list: leave out --hook and --dry-run")
        sys.exit(run(_catch_up(chosen, since, as_json)))
    sys.exit(run(_redeliver(platform, since, hooks, dry_run, as_json)))


@click.group()
def github() -> None:
    """The former name of `answerback redeliver github`.

    \b
    Examples:
      answerback redeliver github --since 2h
    """


@github.command("redeliver")
@_options
def _github_redeliver(since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """The same as `answerback redeliver github`."""
    sys.exit(run(_redeliver("github", since, hooks, dry_run, as_json)))


async def _redeliver(name: str | None, since: int, hooks: Sequence[str], dry_run: bool, as_json: bool) -> int:
    from answerback.http.platform import PlatformHttp
    from answerback.redelivery import Redelivery
    from answerback.store.fleet.redeliveries import Redeliveries
    from answerback.store.threads.outbox import Outbox

    from ..rendering import document
    from ..store import opened

    settings, platforms = _configured(name, hooks)
    rounds: list[RedeliveryReport] = []
    http = PlatformHttp(timeout=settings.platform_timeout)
    try:
        async with opened() as store:
            database = store.threads.database
            start = await database.now() - since if since else None
            for platform, support in platforms:
                deliveries = support.log(settings)
                if deliveries is None:
                    raise ConfigurationError(f"no credential for {platform.TITLE}. {platform.CREDENTIAL}")
                outbox = Outbox(store.threads)
                redelivery = Redelivery(platform, deliveries, http, outbox, Redeliveries(database))
                for hook in support.hooks(settings):
                    rounds.append(await redelivery.round(hook, start, insist=True, ask=not dry_run))
                    if not as_json:
                        _show(platform, rounds[-1])
    finally:
        await http.close()
    if as_json:
        document(rounds)
    bad = any(missing.outcome in ("lost", "refused") for each in rounds for missing in each.missing)
    return PROBLEM if bad else OK


async def _catch_up(platform: Platform, since: int, as_json: bool) -> int:
    from answerback.accepting.acceptor import Acceptor
    from answerback.catchup import Catchup, CatchupReport, message_logs
    from answerback.http.platform import PlatformHttp
    from answerback.sealing import Seal
    from answerback.settings import Settings
    from answerback.store.fleet.accounts import Accounts
    from answerback.store.fleet.redeliveries import Redeliveries

    from ..rendering import document, show, table, when
    from ..store import opened

    settings = Settings.load()
    http = PlatformHttp(timeout=settings.platform_timeout)
    reports: list[CatchupReport] = []
    try:
        async with opened() as store:
            database = store.threads.database
            accounts = Accounts(database, Seal.of(settings))
            messages = await message_logs(platform, settings, accounts)
            if not messages:
                raise ConfigurationError(f"no credential for {platform.TITLE}. {platform.CREDENTIAL}")
            start = await database.now() - since if since else None
            acceptor = Acceptor(store.threads, accounts)
            for each in messages:
                catchup = Catchup(platform, each, http, store.threads, acceptor, Redeliveries(database))
                reports += await catchup.round(start)
    finally:
        await http.close()
    if as_json:
        document(reports)
    else:
        rows = [(each.channel, when(each.since), each.seen, len(each.missed), len(each.answered)) for each in reports]
        show(table(("channel", "since", "messages", "missed", "answered by people"), rows))
    return PROBLEM if any(report.lost for report in reports) else OK


def _configured(name: str | None, hooks: Sequence[str]) -> tuple[Settings, list[tuple[Platform, RedeliverySupport]]]:
    """Return the settings, and the platforms of which webhooks are to be checked."""
    from answerback.environment import overridden
    from answerback.platforms.registry import PLATFORMS
    from answerback.settings import Settings

    supported = [(each, each.REDELIVERY) for each in PLATFORMS.values() if each.REDELIVERY]
    chosen = [(each, support) for each, support in supported if name in (None, each.NAME)]
    names = ", ".join(each.NAME for each, _ in supported)
    if not chosen:
        names = ", ".join(each.NAME for each in PLATFORMS.values() if each.REDELIVERY or each.CATCHUP)
        raise click.UsageError(f"{name} cannot be asked to redeliver: use one of {names}")
    if hooks and len(chosen) > 1:
        raise click.UsageError(f"--hook requires the platform, one of {names}")
    # The option is parsed like the variable, so that both give the same errors.
    given = {support.variable: ",".join(hooks) for _, support in chosen} if hooks else {}
    settings = Settings.load(overridden(os.environ, given))
    configured = [(each, support) for each, support in chosen if support.hooks(settings)]
    if not configured:
        variables = "; ".join(f"{support.variable}: {support.names}" for _, support in chosen)
        raise ConfigurationError(
            f"no webhook given: name it with --hook, or in the setting that workers use. {variables}."
        )
    return settings, configured


def _show(platform: Platform, report: RedeliveryReport) -> None:
    from ..rendering import show, table, when

    if report.missing:
        rows = [
            (each.guid, when(each.at), each.event, each.status, each.asked, _outcome(each)) for each in report.missing
        ]
        show(table(("delivery", "first attempt", "event", "last status", "requested", "now"), rows, long="now"))
    counts = Counter(each.outcome for each in report.missing)
    outcomes = "".join(f", {count} {outcome}" for outcome, count in counts.items())
    click.echo(
        f"{report.hook}: {report.seen} attempts since {when(report.since)}, "
        f"{len(report.missing)} failed deliveries{outcomes}",
        err=True,
    )
    if report.unknown:
        days = report.retention / 86_400_000
        click.echo(
            f"{report.hook}: {platform.TITLE} does not redeliver anything older than {days:g} days; "
            f"deliveries that failed before {when(report.unknown)} are lost and may not be listed",
            err=True,
        )


def _outcome(missing: MissingDelivery) -> str:
    return f"{missing.outcome}: {missing.reason}" if missing.reason else missing.outcome
