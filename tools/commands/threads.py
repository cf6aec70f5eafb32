"""`answerback threads`: the threads, listed by when something last happened, one of them whole, and their repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..exits import NotFound
from ..groups import ListByDefault, run

if TYPE_CHECKING:
    from answerback.store.threads.search import Filter
    from answerback.store.threads.views import State

STATES = ("idle", "waiting", "running", "retrying")


@click.group(cls=ListByDefault)
def threads() -> None:
    """List threads, show one with all that was said, or repair it.

    \b
    Examples:
      answerback threads
      answerback threads list --platform github --state waiting --limit 5
      answerback threads list --search acme/widgets
      answerback threads show standard:cli
      answerback threads show standard:cli --json | jq '.messages[].text'
      answerback threads unlock github:1296269:1347
      answerback threads requeue github:1296269:1347
      answerback threads purge github:1296269:1347 --yes
    """


@threads.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100_000), help="Threads at most.")
@click.option("--platform", default="", help="Of this platform: github, slack, standard, chat.")
@click.option("--agent", default="", help="Of this agent.")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option("--search", "text", default="", help="With this text in the id, title, channel or user.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(limit: int, platform: str, agent: str, state: State | None, text: str, as_json: bool) -> None:
    """List threads, the one where something happened last first."""
    from answerback.store.threads.search import Filter

    run(_list(limit, Filter(platform=platform, agent=agent, state=state or "", text=text), as_json))


@threads.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(id: str, as_json: bool) -> None:
    """One thread: what was said, the turn in flight with its steps, what waits, what became of each reply."""
    run(_show(id, as_json))


@threads.command()
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def unlock(ids: tuple[str, ...], as_json: bool) -> None:
    """Take threads from the workers that hold them: another may claim them at once.

    A worker that hangs keeps a thread only for as long as it renews its lease; this is for one that
    does both. What it still writes is refused. The steps it finished stay done, and the attempt is
    not counted. Replies that it was sending go to another worker when its lease ends, which looks
    whether they arrived.
    """
    from .repair import unlock_each

    run(unlock_each(ids, as_json))


@threads.command()
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def requeue(ids: tuple[str, ...], as_json: bool) -> None:
    """Try threads now that wait for their next try, or fell out of a queue: turns and unsent replies.

    It is the next try, only sooner: attempts stay counted.
    """
    from .repair import requeue_each

    run(requeue_each(ids, as_json))


@threads.command()
@click.argument("ids", metavar="THREAD...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def purge(ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Remove threads whole: what was said, what waits, replies, steps, dead letters. For good.

    A turn that runs there can change nothing any more; a reply that is on its way may still arrive.
    What stays for SEEN_DAYS are the ids of the deliveries, without any text, so that a redelivery
    does not bring the thread back. A new message begins a new thread. The server's append-only
    file and your backups hold the text until they are rewritten (BGREWRITEAOF).
    """
    from .repair import purge_each

    run(purge_each(ids, yes, as_json))


async def _list(limit: int, wanted: Filter, as_json: bool) -> None:
    from answerback.store.threads import search

    from ..rendering import ago, document, table
    from ..rendering import show as show_table
    from ..store import opened

    async with opened() as store:
        found = [summary async for summary in search.listed(store.threads, limit=limit, wanted=wanted)]
        now = await store.threads.database.now()
    if as_json:
        document(found)
    elif not found:
        click.echo("there are no threads yet" if wanted.everything else "no thread matches", err=True)
    else:
        rows = [
            (each.id, each.state, each.messages, each.waiting, each.agent, ago(each.updated, now), _about(each))
            for each in found
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
        found = await index.transcript(store.threads, id)
        if found is None:
            raise NotFound(f"there is no thread {visible(id)}: `answerback threads` lists them.")
        dead = [letter async for letter in store.letters.list() if letter.thread == id]
        now = await store.threads.database.now()
    if as_json:
        document({**plain(found), "dead": plain(dead)})
    else:
        for line in transcribe(found, dead, now):
            click.echo(line)
