"""`answerback partitions`: show the number of partitions, and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..exits import Failure
from ..groups import ListByDefault, run

if TYPE_CHECKING:
    from answerback.store.threads.moves import Moves, Progress

POLL = 0.5
"""Seconds between two looks at the progress."""


@click.group(cls=ListByDefault)
def partitions() -> None:
    """Show the number of partitions, and change it while everything runs.

    Threads are spread over partitions. One is enough for one Redis server; a Redis Cluster needs more, to
    use all of its nodes.

    \b
    Examples:
      answerback partitions
      answerback partitions set 64
    """


@partitions.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(as_json: bool) -> None:
    """Show the number of partitions, and how far threads have been moved."""
    run(_list(as_json))


@partitions.command("set")
@click.argument("count", type=click.IntRange(1, 1024))
@click.option("--no-wait", is_flag=True, help="Return as soon as the move has begun.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def set_count(count: int, no_wait: bool, as_json: bool) -> None:
    """Move all threads to another number of partitions.

    The workers move them, one by one, each as soon as no turn is running in it; events are accepted and
    answered meanwhile. Every ingress and worker process must run this version of Answerback. Ctrl-C only
    ends the waiting: the workers go on. Then set ANSWERBACK_PARTITIONS, if you use it, to the new number.
    """
    run(_set(count, not no_wait, as_json))


async def _list(as_json: bool) -> None:
    from answerback.store.threads.moves import Moves

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        progress = await Moves(store.threads).progress()
    if as_json:
        document(progress)
    else:
        click.echo(_line(progress))


async def _set(count: int, wait: bool, as_json: bool) -> None:
    from answerback.store.threads.moves import Moves

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        moves = Moves(store.threads)
        if await moves.begin(count) == "moving":
            progress = await moves.progress()
            raise Failure(
                f"threads are being moved to {progress.partitions} partitions ({progress.left} left): wait until that "
                "has ended"
            )
        progress = await moves.progress()
        alive = any(silent <= report.lease for report, silent in await store.workers.workers())
        if progress.former is not None and not alive:
            click.echo("no worker is running: threads are moved as soon as one is", err=True)
        if wait:
            progress = await _wait(moves, progress)
    if as_json:
        document(progress)
    else:
        click.echo(_line(progress))


async def _wait(moves: Moves, progress: Progress) -> Progress:
    import asyncio
    import sys

    shown = sys.stderr.isatty()
    while progress.former is not None:
        if shown:
            click.echo(f"\r\x1b[K{_line(progress)}", nl=False, err=True)
        await asyncio.sleep(POLL)
        progress = await moves.progress()
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)
    return progress


def _line(progress: Progress) -> str:
    if progress.former is None:
        return f"{_number(progress.partitions, 'partition')}, {_number(progress.moved, 'thread')}"
    return (
        f"moving from {progress.former} to {_number(progress.partitions, 'partition')}: "
        f"{_number(progress.left, 'thread')} left of {progress.left + progress.moved}"
    )


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
