"""`answerback deploys`: show which versions of the agents' code run, and what waits for them."""

from __future__ import annotations

import click

from ..groups import run


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def deploys(as_json: bool) -> None:
    """Show the versions of the agents' code, with their workers and pinned turns.

    A turn that has taken steps is pinned to the version that took them: it goes on there, as long as
    a worker with that version lives, also one that is draining. The version is ANSWERBACK_VERSION,
    or a digest of the agents' sources. A version without workers is taken over by the others.

    \b
    Examples:
      answerback deploys
      answerback deploys --json | jq '.[] | select(.live == 0)'
    """
    run(_deploys(as_json))


async def _deploys(as_json: bool) -> None:
    from answerback.store.threads.pinned import pinned_turns

    from ..rendering import ago, document, show, table
    from ..store import opened

    async with opened() as store:
        reports = [report for report, silent in await store.workers.workers() if silent <= report.lease]
        pinned = await pinned_turns(store.threads)
        now = await store.threads.database.now()
    first: dict[str, int] = {}
    for report in reports:
        first[report.version] = min(report.started, first.get(report.version, report.started))
    versions = sorted({*first, *pinned}, key=lambda version: first.get(version, 0))
    rows = [
        {
            "version": version,
            "since": first.get(version),
            "live": sum(report.version == version and report.state == "working" for report in reports),
            "draining": sum(report.version == version and report.state != "working" for report in reports),
            "pinned": pinned[version],
        }
        for version in versions
    ]
    if as_json:
        document(rows)
        return
    if not rows:
        click.echo("no worker is running, and no turn has begun", err=True)
        return
    shown = [
        (
            row["version"] or "none",
            ago(first[version], now) if version in first else "gone",
            row["live"],
            row["draining"],
            row["pinned"],
        )
        for version, row in zip(versions, rows, strict=True)
    ]
    show(table(("version", "since", "live", "draining", "pinned turns"), shown))
