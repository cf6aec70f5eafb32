"""`answerback dead`: what could not be handled: shown, put back, or forgotten."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..exits import NotFound
from ..groups import ListByDefault, run
from .age import age

if TYPE_CHECKING:
    from answerback.messages import DeadLetter

    from ..store import Store


class DeadLetterFilter(NamedTuple):
    """Which dead letters are meant: all that these fit."""

    thread: str
    reason: str
    older: int

    def __bool__(self) -> bool:
        return bool(self.thread or self.reason or self.older)

    def fits(self, letter: DeadLetter, now: int) -> bool:
        """Whether one is meant."""
        return (
            self.thread in ("", letter.thread)
            and self.reason.lower() in letter.reason.lower()
            and letter.at <= now - self.older
        )


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--older", callback=age, metavar="AGE", help="Buried that long ago: 30m, 2h, 1d."),
        click.option("--reason", default="", help="With this text in the reason."),
        click.option("--thread", default="", help="Of this thread."),
    ):
        command = option(command)
    return command


def _chosen(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = click.option("--yes", is_flag=True, help="Do not ask.")(command)
    command = click.option("--all", "everything", is_flag=True, help="All there are.")(command)
    return click.argument("ids", nargs=-1)(_filtered(command))


def _results(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    """Steps with their results, of "charge" or 'charge={"id": 7}'."""
    found = {}
    for each in given:
        step, given_result, result = each.partition("=")
        try:
            found[step] = json.loads(result) if given_result else None
        except ValueError as error:
            raise click.BadParameter(f"the result of {step} is not JSON: {error}") from None
    return found


@click.group(cls=ListByDefault)
def dead() -> None:
    """Dead letters: events whose turn failed for good, and replies that were refused.

    \b
    Examples:
      answerback dead
      answerback dead list --reason timeout --older 2h
      answerback dead show 2f1c8cb080c42e5d5a8c
      answerback dead replay 2f1c8cb080c42e5d5a8c
      answerback dead replay 2f1c8cb080c42e5d5a8c --done 'charge={"id": 7}'
      answerback dead replay --thread github:1296269:1347
      answerback dead drop --all --yes
    """


@dead.command("list")
@_filtered
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Letters at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(thread: str, reason: str, older: int, limit: int, as_json: bool) -> None:
    """The dead letters, newest first."""
    run(_list(DeadLetterFilter(thread, reason, older), limit, as_json))


@dead.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(id: str, as_json: bool) -> None:
    """One dead letter whole: what was said, what had been done, and the traceback."""
    run(_show(id, as_json))


@dead.command()
@_chosen
@click.option("--fresh", is_flag=True, help="Forget what had been done: run the turn from its start.")
@click.option("--again", multiple=True, metavar="STEP", help="Run this step of unknown outcome again.")
@click.option(
    "--done", "settled", multiple=True, callback=_results, metavar="STEP[=JSON]", help="It was done, with this result."
)
def replay(
    ids: tuple[str, ...],
    thread: str,
    reason: str,
    older: int,
    everything: bool,
    yes: bool,
    as_json: bool,
    fresh: bool,
    again: tuple[str, ...],
    settled: dict[str, Any],
) -> None:
    """Put dead letters back, by id, or all that fit: an event is answered again, a reply sent again.

    Steps that a turn had finished are not done again, unless --fresh. They go back in the order
    in which they died. Of a step that began and left no result nobody knows whether it took effect:
    look, and say --again or --done.
    """

    async def put_back(store: Store, id: str) -> bool:
        try:
            return await store.letters.replay(id, fresh=fresh, again=again, done=settled)
        except ValueError as error:
            raise NotFound(f"{id} was not replayed: {error}") from None

    run(_each("replay", put_back, ids, DeadLetterFilter(thread, reason, older), everything, yes, as_json))


@dead.command()
@_chosen
def drop(
    ids: tuple[str, ...], thread: str, reason: str, older: int, everything: bool, yes: bool, as_json: bool
) -> None:
    """Forget dead letters for good, by id, or all that fit."""

    async def forget(store: Store, id: str) -> bool:
        return await store.letters.drop(id)

    run(_each("drop", forget, ids, DeadLetterFilter(thread, reason, older), everything, yes, as_json))


async def _list(which: DeadLetterFilter, limit: int, as_json: bool) -> None:
    from ..rendering import document, table, when
    from ..rendering import show as show_table
    from ..store import opened

    async with opened() as store:
        found = await _fitting(store, which)
    shown = found[::-1][:limit]
    if as_json:
        document(shown)
    elif not found:
        click.echo("no dead letters", err=True)
    else:
        rows = [(each.id, when(each.at), each.kind, each.thread, each.attempts, each.reason) for each in shown]
        show_table(table(("id", "buried", "kind", "thread", "attempts", "reason"), rows, long="reason"))
        if len(found) > limit:
            click.echo(f"and {len(found) - limit} older ones (--limit)", err=True)


async def _fitting(store: Store, which: DeadLetterFilter) -> list[DeadLetter]:
    """Oldest first."""
    now = await store.threads.database.now()
    found = [letter async for letter in store.letters.list() if which.fits(letter, now)]
    found.reverse()  # the newest came first; the sort is stable, so those of one ms keep their order too
    found.sort(key=lambda letter: letter.at)
    return found


async def _show(id: str, as_json: bool) -> None:
    from answerback.messages import Entry

    from ..rendering import block, document, visible, when
    from ..store import opened

    async with opened() as store:
        found = await store.letters.get(id)
    if found is None:
        raise NotFound(f"there is no dead letter {visible(id)}: `answerback dead` lists them.")
    letter, grave = found
    if as_json:
        document({"letter": letter, letter.kind: grave.event if isinstance(grave, Entry) else grave})
        return
    click.echo(click.style(f"{letter.kind} {letter.id}", bold=True))
    facts = {
        "thread": letter.thread,
        "buried": when(letter.at),
        "reason": letter.reason,
        "attempts": str(letter.attempts),
        "agent": letter.agent,
        "done": ", ".join(letter.done),
        "unknown": ", ".join(letter.unknown),
    }
    if isinstance(grave, Entry):
        author = grave.event.author
        facts |= {"said by": author.name or author.id, "delivery": grave.event.delivery, "url": grave.event.url}
    for name, fact in facts.items():
        if fact:
            click.echo(f"  {name:<10}{visible(fact)}")
    click.echo(f"\n{block(grave.event.text if isinstance(grave, Entry) else grave.whole, '  ')}")
    if letter.traceback:
        click.echo(f"\n{block(letter.traceback.rstrip(), '  ')}")
    click.echo(f"\nTo try it again: answerback dead replay {letter.id}")
    if letter.unknown:
        # Another attempt would only find out again that nobody knows.
        step = visible(letter.unknown[-1])
        click.echo(
            f"If {step} took effect, with --done '{step}=JSON of its result'; if it did not, with --again {step}"
        )


async def _each(
    verb: str,
    act: Callable[[Store, str], Awaitable[bool]],
    ids: tuple[str, ...],
    which: DeadLetterFilter,
    everything: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from ..rendering import document, visible
    from ..store import opened

    if (bool(ids) + bool(which) + everything) != 1:
        raise click.UsageError("say which: ids, or --thread, --reason, --older, or --all")
    async with opened() as store:
        wanted = list(ids) or [letter.id for letter in await _fitting(store, which)]
        if not ids and wanted and not yes:
            click.confirm(f"{verb} {len(wanted)} dead letter{'s' * (len(wanted) != 1)}?", abort=True, err=True)
        done = [id for id in wanted if await act(store, id)]
    missing = [id for id in ids if id not in done]
    if as_json:
        document({"done": done, "missing": missing})
    else:
        click.echo(f"{'replayed' if verb == 'replay' else 'dropped'}: {len(done)}")
    if missing:
        raise NotFound(f"no dead letter: {', '.join(map(visible, missing))}")
