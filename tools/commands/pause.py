"""`answerback pause`, `resume` and `drain`: stop starting work, for an agent, a platform, everything or a worker."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..exits import Failure, NotFound
from ..groups import run

if TYPE_CHECKING:
    from answerback.store.fleet.workers import WorkerRegistry


def _scoped(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--everything", is_flag=True, help="All turns and all replies."),
        click.option("--replies", metavar="PLATFORM", help="The replies to a platform, such as slack."),
        click.option("--agent", metavar="NAME", help="The turns of an agent."),
    ):
        command = option(command)
    return command


@click.command()
@_scoped
@click.option("--reason", default="", help="Why; shown where the pause is shown.")
def pause(agent: str | None, replies: str | None, everything: bool, reason: str) -> None:
    """Start nothing new: for an agent, a platform's replies, or everything.

    Turns and requests that run end as usual. Events are accepted, and wait, in order: in a thread whose
    next message is for a paused agent, messages to other agents wait, too. It lasts until `answerback
    resume`, also over restarts. Workers know within a second.

    \b
    Examples:
      answerback pause --agent support --reason "wrong prices, fix on its way"
      answerback pause --replies slack
      answerback pause --everything
    """
    run(_pause(_scope(agent, replies, everything), reason))


@click.command()
@_scoped
def resume(agent: str | None, replies: str | None, everything: bool) -> None:
    """Resume what was paused. What has waited goes on within a second.

    \b
    Examples:
      answerback resume --agent support
      answerback resume --everything
    """
    run(_resume(_scope(agent, replies, everything)))


@click.command()
@click.argument("worker")
@click.option("--reason", default="", help="Why; kept with the order.")
@click.option("--wait", is_flag=True, help="Wait until the worker has ended.")
def drain(worker: str, reason: str, wait: bool) -> None:
    """Let a worker finish what it has, and end with status 0.

    WORKER is an id of `answerback workers`, or its beginning. It claims nothing more, and ends once its
    turns have ended, however long they take; SIGTERM then gives them SHUTDOWN_GRACE_SECONDS. The
    supervisor of `answerback worker --processes` does not start it again, until SIGHUP.

    \b
    Examples:
      answerback drain web-7f9c-4121-0a3b9f
      answerback drain web-7f9c --wait
    """
    run(_drain(worker, reason, wait))


def _scope(agent: str | None, replies: str | None, everything: bool) -> str:
    from answerback.platforms.registry import PLATFORMS
    from answerback.store.fleet.orders import EVERYTHING

    if [bool(agent), bool(replies), everything].count(True) != 1:
        raise click.UsageError("say what: --agent NAME, --replies PLATFORM or --everything")
    if replies and replies not in PLATFORMS:
        raise Failure(f'there is no platform "{replies}": {", ".join(PLATFORMS)}')
    return f"agent:{agent}" if agent else f"replies:{replies}" if replies else EVERYTHING


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    return f"{user}@{socket.gethostname()}"


async def _pause(scope: str, reason: str) -> None:
    from answerback.store.fleet.orders import Orders

    from ..store import opened

    async with opened() as store:
        kind, _, name = scope.partition(":")
        if kind == "agent" and name not in {agent.name for agent in await store.workers.agents()}:
            click.echo(f'no worker has run an agent "{name}" within a day; it is paused nevertheless', err=True)
        await Orders(store.threads.database).pause(scope, by=_operator(), reason=reason)
    click.echo(f"paused {scope}")


async def _resume(scope: str) -> None:
    from answerback.store.fleet.orders import Orders

    from ..store import opened

    async with opened() as store:
        orders = Orders(store.threads.database)
        was = await orders.resume(scope)
        others = await orders.paused()
    if not was:
        paused = f"what is paused: {', '.join(others)}" if others else "nothing is"
        raise NotFound(f"{scope} is not paused; {paused}.")
    click.echo(f"resumed {scope}" + (f"; still paused: {', '.join(others)}" if others else ""))


async def _drain(worker: str, reason: str, wait: bool) -> None:
    import asyncio

    from answerback.store.fleet.orders import Orders

    from ..store import opened

    async with opened() as store:
        reports = [report for report, silent in await store.workers.workers() if silent <= report.lease]
        matching = [r for r in reports if r.id == worker] or [r for r in reports if r.id.startswith(worker)]
        if not matching:
            raise NotFound(f'no living worker is "{worker}": see `answerback workers`.')
        if len(matching) > 1:
            raise Failure(f'"{worker}" begins several ids: {", ".join(each.id for each in matching)}.')
        (report,) = matching
        await Orders(store.threads.database).drain(report.id, by=_operator(), reason=reason)
        turns = "1 turn" if report.turns == 1 else f"{report.turns} turns"
        click.echo(f"{report.id} finishes {turns}, and ends")
        while wait and await _lives(store.workers, report.id):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def _lives(registry: WorkerRegistry, id: str) -> bool:
    return any(report.id == id and silent <= report.lease for report, silent in await registry.workers())
