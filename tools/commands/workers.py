"""`answerback workers`: list workers and the agents they run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..exits import OK, PROBLEM
from ..groups import run

if TYPE_CHECKING:
    from answerback.store.fleet.workers import WorkerReport


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def workers(as_json: bool) -> None:
    """List workers and the agents they run, from the workers' own reports.

    A worker that has been silent for longer than a lease counts as gone; others can claim its threads.
    Exits with 1 when no worker is alive.

    \b
    Examples:
      answerback workers
      answerback workers --json | jq '.[].agents[].name'
    """
    sys.exit(run(_workers(as_json)))


async def _workers(as_json: bool) -> int:
    from ..rendering import ago, document, duration, plain, show, table
    from ..store import opened

    async with opened() as store:
        reports = await store.workers.workers()
        now = await store.threads.database.now()
    alive = any(silent <= report.lease for report, silent in reports)
    if as_json:
        document([{**plain(report), "silent": silent} for report, silent in reports])
        return OK if alive else PROBLEM
    if not reports:
        click.echo("no worker is running: start one with `answerback worker`", err=True)
        return PROBLEM
    rows = [
        (
            report.id,
            _state(report) if silent <= report.lease else f"gone, silent for {duration(silent)}",
            ago(report.started, now),
            report.version or "-",
            f"{report.turns}/{report.concurrency}",
            report.sending,
            report.done,
            report.failed,
            ", ".join(agent.name for agent in report.agents if not agent.workspace),
        )
        for report, silent in reports
    ]
    show(table(("worker", "state", "started", "version", "turns", "sending", "done", "failed", "agents"), rows))
    agents = {agent.name: agent for report, _ in reports for agent in report.agents if not agent.workspace}
    click.echo()
    show(
        table(
            ("agent", "listens to", "description"),
            [(agent.name, "; ".join(agent.listens), agent.description) for agent in agents.values()],
        )
    )
    return OK if alive else PROBLEM


def _state(report: WorkerReport) -> str:
    return f"blocked by {report.blocked}" if report.blocked else report.state
