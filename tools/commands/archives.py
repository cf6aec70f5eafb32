"""`answerback export` and `answerback import`: threads as lines of JSON, to be moved, kept or read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, TYPE_CHECKING

import click

from ..exits import Failure, NotFound
from ..groups import run

if TYPE_CHECKING:
    from answerback.store import Archives


@click.command()
@click.argument("ids", metavar="[THREAD]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All there are.")
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to; it is there when it is whole.")
def export(ids: tuple[str, ...], everything: bool, output: str) -> None:
    """Write threads as JSON Lines, one thread a line: history, state, what waits, replies, dead letters.

    A thread whose turn runs is written as of its last commit, with the event that is being
    answered among what waits. To move threads to another server without answering anything
    twice, stop the workers here first, and purge the threads here afterwards.

    \b
    Examples:
      answerback export github:1296269:1347 | jq '.messages[].text'
      answerback export --all -o threads.jsonl
    """
    if bool(ids) == everything:
        raise click.UsageError("say which: thread ids, or --all")
    run(_export(ids, output))


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--replace", is_flag=True, help="Replace threads that are here already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_(file: IO[bytes], replace: bool, as_json: bool) -> None:
    """Put exported threads into this store ("-" reads stdin), each whole or not at all; they go on here.

    What waits in them is answered, unsent replies are sent, dead letters can be replayed. Redeliveries of
    events that wait or are dead are recognised, and a chat's messages; of platform events that were answered
    they are not.

    \b
    Examples:
      answerback import threads.jsonl
      answerback export --all | REDIS_URL=redis://new:6379 answerback import -
    """
    run(_import(file, replace, as_json))


async def _export(ids: tuple[str, ...], output: str) -> None:
    from answerback.store import Archives

    from ..rendering import visible
    from ..store import opened

    missing: list[str] = []
    async with opened() as store:
        archives = Archives(store.threads, seen_days=store.settings.seen_days)
        lines = _lines(archives, ids, missing)
        if output == "-":
            async for written in lines:
                click.echo(written, nl=False)
        else:
            count = await _save(lines, output)
            click.echo(f"exported: {count}", err=True)
    if missing:
        raise NotFound(f"there is no thread {', '.join(map(visible, missing))}: `answerback threads` lists them.")


async def _lines(archives: Archives, ids: tuple[str, ...], missing: list[str]) -> AsyncIterator[bytes]:
    """One thread in memory at a time. Of those that were asked for by name, tells which are not there."""
    from answerback.archive import line

    if ids:
        for id in dict.fromkeys(ids):
            if found := await archives.read(id):
                yield line(found)
            else:
                missing.append(id)
    else:
        async for id in archives.ids():
            if found := await archives.read(id):
                yield line(found)


async def _save(lines: AsyncIterator[bytes], output: str) -> int:
    """Write to a file that only we may read, and that has its name when it is whole."""
    import os
    from contextlib import suppress

    part = f"{output}.part"
    count = 0
    try:
        # Left behind by one that was killed, it may be another's to read.
        with suppress(FileNotFoundError):
            os.unlink(part)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            try:
                async for written in lines:
                    file.write(written)
                    count += 1
                file.flush()
                os.fsync(file.fileno())
                os.replace(part, output)
            except BaseException:
                os.unlink(part)
                raise
    except OSError as error:
        raise Failure(f"cannot write {output}: {error.strerror}.") from None
    return count


async def _import(file: IO[bytes], replace: bool, as_json: bool) -> None:
    from answerback.archive import parse
    from answerback.errors import MalformedArchive
    from answerback.store import Archives

    from ..rendering import document, visible
    from ..store import opened

    imported = 0
    failed: list[dict[str, object]] = []
    async with opened() as store:
        archives = Archives(store.threads, seen_days=store.settings.seen_days)
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            thread = ""
            try:
                archive = parse(line)
                thread = archive.thread
                if not await archives.restore(archive, replace=replace):
                    raise MalformedArchive(f"{thread} is here already (--replace replaces it)")
                imported += 1
            except MalformedArchive as error:
                failed.append({"line": number, "thread": thread, "reason": str(error)})
                if not as_json:
                    click.echo(f"line {number}: {visible(str(error))}", err=True)
    if as_json:
        document({"imported": imported, "failed": failed})
    else:
        click.echo(f"imported: {imported}")
    if failed:
        raise Failure(f"{len(failed)} line{'s' * (len(failed) != 1)} could not be imported.")
