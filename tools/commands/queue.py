"""`answerback queue`: show the state of the queues."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ..groups import run

if TYPE_CHECKING:
    from rich.console import RenderableType

    from answerback.store.threads.queues import Queues

EVERY = 1.0
"""Seconds between two updates of --watch."""


@click.command()
@click.option("--watch", is_flag=True, help="Update every second, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch, one document per line.")
def queue(watch: bool, as_json: bool) -> None:
    """Show what is waiting, in flight, retrying and dead.

    Turns answer events, replies go to platforms; both are counted in threads. "oldest" is how
    long the first thread in the queue has been waiting for a worker.

    \b
    Examples:
      answerback queue
      answerback queue --watch
      answerback queue --json | jq .turns.waiting
    """
    if watch and not as_json and not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal; for a pipe, add --json")
    with suppress(KeyboardInterrupt):
        run(_watch(as_json) if watch else _look(as_json))


async def _look(as_json: bool) -> None:
    from answerback.store.threads.queues import queues

    from ..rendering import document, show
    from ..store import opened

    async with opened() as store:
        current = await queues(store.threads)
    if as_json:
        document(current)
        return
    show(_table(current))
    click.echo(f"\n{_totals(current)}")


async def _watch(as_json: bool) -> None:
    import asyncio

    from answerback.errors import StoreUnavailable
    from answerback.store.threads.queues import queues

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        if as_json:
            while True:
                document(await queues(store.threads), indent=None)
                await asyncio.sleep(EVERY)
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        with Live(auto_refresh=False) as live:
            while True:
                try:
                    current = await queues(store.threads)
                    live.update(Group(_table(current), Text(f"\n{_totals(current)}")), refresh=True)
                except StoreUnavailable as error:
                    live.update(Text(f"{error} Retrying …"), refresh=True)
                await asyncio.sleep(EVERY)


def _table(queues: Queues) -> RenderableType:
    from ..rendering import duration, table

    rows = [
        (name, each.waiting, each.in_flight, each.retrying, duration(each.oldest) if each.waiting else "-")
        for name, each in (("turns", queues.turns), ("replies", queues.replies))
    ]
    return table(("", "waiting", "in flight", "retrying", "oldest"), rows)


def _totals(queues: Queues) -> str:
    steps = queues.clock_steps
    clock = f"\nRedis clock steps: {steps.count}, the last by {steps.last / 1000:+.1f} s" if steps.count else ""
    return (
        f"now: events waiting {queues.events_waiting}, threads {queues.threads}, dead letters {queues.dead}\n"
        f"events so far: accepted {queues.accepted}, handled {queues.handled}, dead-lettered {queues.dead_lettered}\n"
        f"attempts failed {queues.attempts_failed}, replies sent {queues.replies_sent}, "
        f"replies failed {queues.replies_failed}{clock}"
    )
