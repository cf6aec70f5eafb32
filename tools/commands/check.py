"""`answerback check`: report whether the configuration works, without starting anything."""

from __future__ import annotations

import sys

import click

from ..exits import OK, PROBLEM
from ..groups import run

_COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Do not verify credentials with the platforms.")
def check(as_json: bool, offline: bool) -> None:
    """Check settings, secrets, agents, Redis and platform credentials, and say how to fix problems.

    Starts nothing and changes nothing. Agents are imported in a separate process. Each platform is
    asked for the bot's identity, as a worker does. Exits with 1 when there is an error, not for warnings.

    \b
    Examples:
      answerback check
      answerback check --json | jq '.[] | select(.level == "error")'
    """
    sys.exit(run(_check(as_json, offline)))


async def _check(as_json: bool, offline: bool) -> int:
    from ..rendering import document, visible
    from .findings import findings

    results = []
    async for finding in findings(offline=offline):
        results.append(finding)
        if not as_json:
            level = click.style(f"{finding.level:<8}", fg=_COLORS[finding.level])
            click.echo(f"{level} {finding.about:<12} {visible(finding.found)}")
            if finding.advice:
                click.echo(f"{'':<22}{visible(finding.advice)}")
    if as_json:
        document(results)
    return PROBLEM if any(finding.level == "error" for finding in results) else OK
