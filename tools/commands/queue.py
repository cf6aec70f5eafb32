"""`answerback queue`: show the state of the queues."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..groups import run

if TYPE_CHECKING:
    from answerback.store.fleet.orders import Order
    from answerback.store.threads.queues import Queues

    from ..rendering import Table
    from ..store import Store

EVERY = 1.0
"""Seconds between two updates of --watch."""


@click.command()
@click.option("--watch", is_flag=True, help="Update every second, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch, one document per line.")
def queue(watch: bool, as_json: bool) -> None:
    """Show what is waiting, in flight, retrying, paused and dead.

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
    from ..rendering import document, show
    from ..store import opened

    async with opened() as store:
        current, paused = await _read(store)
    if as_json:
        document(_plain(current, paused))
        return
    show(_table(current))
    click.echo(f"\n{_totals(current, paused)}")


async def _watch(as_json: bool) -> None:
    import asyncio

    from answerback.errors import StoreUnavailable

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        if as_json:
            while True:
                document(_plain(*await _read(store)), indent=None)
                await asyncio.sleep(EVERY)
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        with Live(auto_refresh=False) as live:
            while True:
                try:
                    current, paused = await _read(store)
                    live.update(Group(_table(current), Text(f"\n{_totals(current, paused)}")), refresh=True)
                except StoreUnavailable as error:
                    live.update(Text(f"{error} Retrying …"), refresh=True)
                await asyncio.sleep(EVERY)


def _table(queues: Queues) -> Table:
    from ..rendering import duration, table

    rows = [
        (name, each.waiting, each.in_flight, each.retrying, each.paused, duration(each.oldest) if each.waiting else "-")
        for name, each in (("turns", queues.turns), ("replies", queues.replies))
    ]
    return table(("", "waiting", "in flight", "retrying", "paused", "oldest"), rows)


async def _read(store: Store) -> tuple[Queues, dict[str, Order]]:
    from answerback.store.fleet.orders import Orders
    from answerback.store.threads.queues import queues

    return await queues(store), await Orders(store.database).paused()


def _plain(queues: Queues, paused: dict[str, Order]) -> dict[str, Any]:
    import msgspec

    from ..rendering import plain

    return {**plain(queues), "paused": [{"scope": scope, **msgspec.structs.asdict(o)} for scope, o in paused.items()]}


def _totals(queues: Queues, paused: dict[str, Order]) -> str:
    from ..rendering import visible

    steps = queues.clock_steps
    clock = f"\nRedis clock steps: {steps.count}, the last by {steps.last / 1000:+.1f} s" if steps.count else ""
    pauses = "".join(
        f"paused: {visible(scope)}, by {visible(order.by)}"
        + (f": {visible(order.reason)}" if order.reason else "")
        + "\n"
        for scope, order in paused.items()
    )
    return (
        f"{pauses}now: events waiting {queues.events_waiting}, threads {queues.threads}, dead letters {queues.dead}\n"
        f"events so far: accepted {queues.accepted}, handled {queues.handled}, dead-lettered {queues.dead_lettered}\n"
        f"attempts failed {queues.attempts_failed}, replies sent {queues.replies_sent}, "
        f"replies failed {queues.replies_failed}{clock}"
    )
