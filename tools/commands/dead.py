"""`answerback dead`: list, show, replay and drop dead letters."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..exits import NotFound
from ..groups import ListByDefault, run
from .age import age

if TYPE_CHECKING:
    from answerback.replies import DeadLetter

    from ..store import Store


class DeadLetterFilter(NamedTuple):
    """Selects dead letters that match all given criteria. `older` is an age in ms."""

    thread: str
    reason: str
    older: int

    def __bool__(self) -> bool:
        return bool(self.thread or self.reason or self.older)

    def fits(self, letter: DeadLetter, now: int) -> bool:
        """Return whether a dead letter matches; `now` is in ms."""
        return (
            self.thread in ("", letter.thread)
            and self.reason.lower() in letter.reason.lower()
            and letter.at <= now - self.older
        )


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--older", callback=age, metavar="AGE", help="Dead-lettered at least that long ago: 30m, 2h, 1d."),
        click.option("--reason", default="", help="With this text in the reason."),
        click.option("--thread", default="", help="In this thread."),
    ):
        command = option(command)
    return command


def _chosen(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")(command)
    command = click.option("--all", "everything", is_flag=True, help="All dead letters.")(command)
    return click.argument("ids", nargs=-1)(_filtered(command))


def _results(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    """Parse "charge" or 'charge={"id": 7}' into steps with their results."""
    results = {}
    for each in given:
        step, given_result, result = each.partition("=")
        try:
            results[step] = json.loads(result) if given_result else None
        except ValueError as error:
            raise click.BadParameter(f"the result of {step} is not JSON: {error}") from None
    return results


@click.group(cls=ListByDefault)
def dead() -> None:
    """Manage dead letters: events whose turn failed permanently, and refused replies.

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
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Maximum number of dead letters.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(thread: str, reason: str, older: int, limit: int, as_json: bool) -> None:
    """List dead letters, newest first."""
    run(_list(DeadLetterFilter(thread, reason, older), limit, as_json))


@dead.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(id: str, as_json: bool) -> None:
    """Show one dead letter with its reason, steps and traceback."""
    run(_show(id, as_json))


@dead.command()
@_chosen
@click.option("--fresh", is_flag=True, help="Discard finished steps and run the turn from its start.")
@click.option("--again", multiple=True, metavar="STEP", help="This step took no effect: run it again.")
@click.option(
    "--done", "settled", multiple=True, callback=_results, metavar="STEP[=JSON]", help="This step took effect."
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
    """Replay dead letters, by id or by filter.

    An event is answered again, a reply is sent again. Finished steps are not run again, unless --fresh
    is given. Dead letters are replayed oldest first. If a step's outcome is unknown, find out whether
    it took effect: --done STEP=JSON records its result, --again STEP runs it again.
    """

    async def put_back(store: Store, id: str) -> bool:
        try:
            return await store.dead_letters.replay(id, fresh=fresh, again=again, done=settled)
        except ValueError as error:
            raise NotFound(f"{id} was not replayed: {error}") from None

    run(_each("replay", put_back, ids, DeadLetterFilter(thread, reason, older), everything, yes, as_json))


@dead.command()
@_chosen
def drop(
    ids: tuple[str, ...], thread: str, reason: str, older: int, everything: bool, yes: bool, as_json: bool
) -> None:
    """Delete dead letters permanently, by id or by filter."""

    async def forget(store: Store, id: str) -> bool:
        return await store.dead_letters.delete(id)

    run(_each("drop", forget, ids, DeadLetterFilter(thread, reason, older), everything, yes, as_json))


async def _list(which: DeadLetterFilter, limit: int, as_json: bool) -> None:
    from ..rendering import document, table, when
    from ..rendering import show as show_table
    from ..store import opened

    async with opened() as store:
        letters = await _fitting(store, which)
    shown = letters[::-1][:limit]
    if as_json:
        document(shown)
    elif not letters:
        click.echo("no dead letters", err=True)
    else:
        rows = [(each.id, when(each.at), each.kind, each.thread, each.attempts, each.reason) for each in shown]
        show_table(table(("id", "dead since", "kind", "thread", "attempts", "reason"), rows, long="reason"))
        if len(letters) > limit:
            click.echo(f"and {len(letters) - limit} older dead letters (see --limit)", err=True)


async def _fitting(store: Store, which: DeadLetterFilter) -> list[DeadLetter]:
    """Return the matching dead letters, oldest first."""
    now = await store.threads.database.now()
    letters = [letter async for letter in store.dead_letters.list() if which.fits(letter, now)]
    letters.reverse()  # from newest first; the sort is stable, so dead letters of the same ms keep their order
    letters.sort(key=lambda letter: letter.at)
    return letters


async def _show(id: str, as_json: bool) -> None:
    from answerback.events import Entry

    from ..rendering import block, document, visible, when
    from ..store import opened

    async with opened() as store:
        row = await store.dead_letters.get(id)
    if row is None:
        raise NotFound(f"dead letter not found: {visible(id)}. `answerback dead` lists them.")
    letter, payload = row
    if as_json:
        document({"letter": letter, letter.kind: payload.event if isinstance(payload, Entry) else payload})
        return
    click.echo(click.style(f"{letter.kind} {letter.id}", bold=True))
    facts = {
        "thread": letter.thread,
        "since": when(letter.at),
        "reason": letter.reason,
        "attempts": str(letter.attempts),
        "agent": letter.agent,
        "done": ", ".join(letter.done),
        "unknown": ", ".join(letter.unknown),
    }
    if isinstance(payload, Entry):
        author = payload.event.author
        facts |= {"author": author.name or author.id, "delivery": payload.event.delivery, "url": payload.event.url}
    for name, fact in facts.items():
        if fact:
            click.echo(f"  {name:<10}{visible(fact)}")
    click.echo(f"\n{block(payload.event.text if isinstance(payload, Entry) else payload.whole or payload.what, '  ')}")
    if letter.traceback:
        click.echo(f"\n{block(letter.traceback.rstrip(), '  ')}")
    click.echo(f"\nTo replay it: answerback dead replay {letter.id}")
    if letter.unknown:
        # A plain replay would end at the same step, with its outcome still unknown.
        step = visible(letter.unknown[-1])
        click.echo(f"If {step} took effect, add --done '{step}=JSON of its result'; if not, add --again {step}")


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
        raise click.UsageError("name the dead letters by id, or use --thread, --reason, --older or --all")
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
        raise NotFound(f"dead letter not found: {', '.join(map(visible, missing))}")
