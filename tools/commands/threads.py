"""`answerback threads`: list threads, show one, and repair them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from answerback.attention import Attention

from ..exits import NotFound
from ..groups import ListByDefault, run

if TYPE_CHECKING:
    from answerback.store.threads.search import Filter
    from answerback.store.threads.views import State

STATES = ("idle", "waiting", "running", "retrying")


@click.group(cls=ListByDefault)
def threads() -> None:
    """List threads, show one with its transcript, or repair it.

    \b
    Examples:
      answerback threads
      answerback threads list --platform github --state waiting --limit 5
      answerback threads list --search acme/widgets
      answerback threads show standard:cli
      answerback threads show standard:cli --json | jq '.messages[].text'
      answerback threads unlock github:1296269:1347
      answerback threads requeue github:1296269:1347
      answerback threads attention muted github:1296269:1347
      answerback threads purge github:1296269:1347 --yes
    """


@threads.command("list")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 100_000), help="Maximum number of threads."
)
@click.option("--platform", default="", help="On this platform: github, slack, standard, chat, …")
@click.option("--agent", default="", help="With this agent.")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option("--search", "text", default="", help="With this text in the id, title, channel or user.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(limit: int, platform: str, agent: str, state: State | None, text: str, as_json: bool) -> None:
    """List threads, most recently updated first."""
    from answerback.store.threads.search import Filter

    run(_list(limit, Filter(platform=platform, agent=agent, state=state or "", text=text), as_json))


@threads.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(id: str, as_json: bool) -> None:
    """Show one thread with its transcript.

    Includes the current turn with its steps, waiting events and the state of each reply.
    """
    run(_show(id, as_json))


@threads.command()
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def unlock(ids: tuple[str, ...], as_json: bool) -> None:
    """Take threads from the workers that hold them.

    Another worker can claim them at once. A worker that dies loses its threads when their leases
    expire; this is for a worker that hangs but still renews them. Its later writes are refused.
    Finished steps are kept, and the attempt is not counted. Replies that it was sending go to another
    worker when the lease expires; that worker first checks whether they were posted.
    """
    from .repair import unlock_each

    run(unlock_each(ids, as_json))


@threads.command()
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def requeue(ids: tuple[str, ...], as_json: bool) -> None:
    """Retry turns and unsent replies now.

    For threads that wait for a retry, or that are missing from a queue. This is the next attempt, only
    sooner: the count of attempts is kept.
    """
    from .repair import requeue_each

    run(requeue_each(ids, as_json))


@threads.command("attention")
@click.argument("attention", type=click.Choice(get_args(Attention)))
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def set_attention(attention: Attention, ids: tuple[str, ...], as_json: bool) -> None:
    """Mute or subscribe threads, as people in them can.

    In a muted thread only mentions are answered, in a subscribed one every message. A thread that a worker
    holds changes with its next claim.
    """
    from .repair import set_attention_of_each

    run(set_attention_of_each(ids, attention, as_json))


@threads.command()
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def purge(ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete threads permanently.

    Removes history, waiting events, replies, steps and dead letters. A running turn can no longer write
    anything; a reply that is being posted may still arrive. The ids of the deliveries are kept for
    SEEN_DAYS, without any text, so that a redelivery does not restore the thread. A new message starts
    a new thread. The server's append-only file holds the text until it is rewritten (BGREWRITEAOF), and
    your backups as long as you keep them.
    """
    from .repair import purge_each

    run(purge_each(ids, yes, as_json))


async def _list(limit: int, wanted: Filter, as_json: bool) -> None:
    from answerback.store.threads import search

    from ..rendering import ago, document, table
    from ..rendering import show as show_table
    from ..store import opened

    async with opened() as store:
        summaries = [summary async for summary in search.listed(store.threads, limit=limit, wanted=wanted)]
        now = await store.threads.database.now()
    if as_json:
        document(summaries)
    elif not summaries:
        click.echo("no threads yet" if wanted.everything else "no thread matches", err=True)
    else:
        rows = [
            (each.id, each.state, each.messages, each.waiting, each.agent, ago(each.updated, now), _about(each))
            for each in summaries
        ]
        show_table(table(("thread", "state", "messages", "waiting", "agent", "updated", "about"), rows, long="about"))


def _about(summary: object) -> str:
    return " · ".join(part for part in (getattr(summary, "channel", ""), getattr(summary, "title", "")) if part)


async def _show(id: str, as_json: bool) -> None:
    from answerback.store.threads import views as index

    from ..rendering import document, plain, visible
    from ..store import opened
    from .transcript import transcribe

    async with opened() as store:
        transcript = await index.transcript(store.threads, id)
        if transcript is None:
            raise NotFound(f"thread not found: {visible(id)}. `answerback threads` lists them.")
        dead = [letter async for letter in store.dead_letters.list() if letter.thread == id]
        now = await store.threads.database.now()
    if as_json:
        document({**plain(transcript), "dead": plain(dead)})
    else:
        for line in transcribe(transcript, dead, now):
            click.echo(line)
