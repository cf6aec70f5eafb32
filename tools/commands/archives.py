"""`answerback export` and `answerback import`: threads as JSON Lines, to move, archive or read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, TYPE_CHECKING

import click

from ..exits import Failure, NotFound
from ..groups import run

if TYPE_CHECKING:
    from answerback.store.threads.archives import Archives


@click.command()
@click.argument("ids", metavar="[THREAD]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Export all threads.")
@click.option("-o", "--output", metavar="FILE", default="-", help="Output file, created only when complete.")
def export(ids: tuple[str, ...], everything: bool, output: str) -> None:
    """Write threads as JSON Lines, one per line: history, state, inbox, replies, dead letters.

    A thread with a running turn is written as of its last commit, with the event being answered
    among the waiting ones. To move threads to another server without answering anything twice,
    stop the workers here first, and purge the threads here afterwards.

    \b
    Examples:
      answerback export github:1296269:1347 | jq '.messages[].text'
      answerback export --all -o threads.jsonl
    """
    if bool(ids) == everything:
        raise click.UsageError("name the threads, or use --all")
    run(_export(ids, output))


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--replace", is_flag=True, help="Replace threads that already exist.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_(file: IO[bytes], replace: bool, as_json: bool) -> None:
    """Import exported threads into this store ("-" reads stdin), each as a whole or not at all.

    Waiting events are answered, unsent replies are sent, dead letters can be replayed. Redeliveries of
    waiting and dead events, and repeated chat messages, are recognised as duplicates; redeliveries of
    platform events that were already answered are not.

    \b
    Examples:
      answerback import threads.jsonl
      answerback export --all | REDIS_URL=redis://new:6379 answerback import -
    """
    run(_import(file, replace, as_json))


async def _export(ids: tuple[str, ...], output: str) -> None:
    from answerback.store.threads.archives import Archives

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
        raise NotFound(f"thread not found: {', '.join(map(visible, missing))}. `answerback threads` lists them.")


async def _lines(archives: Archives, ids: tuple[str, ...], missing: list[str]) -> AsyncIterator[bytes]:
    """Yield one line per thread, with one thread in memory at a time. Adds ids that do not exist to `missing`."""
    from answerback.archive import line

    if ids:
        for id in dict.fromkeys(ids):
            if archive := await archives.read(id):
                yield line(archive)
            else:
                missing.append(id)
    else:
        async for id in archives.ids():
            if archive := await archives.read(id):
                yield line(archive)


async def _save(lines: AsyncIterator[bytes], output: str) -> int:
    """Write a file that only its owner can read; it gets its name once it is complete."""
    import os
    from contextlib import suppress

    part = f"{output}.part"
    count = 0
    try:
        # A file left by a killed export may be readable by others.
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
            except BaseException:  # Ctrl-C included
                os.unlink(part)
                raise
    except OSError as error:
        raise Failure(f"cannot write {output}: {error.strerror}.") from None
    return count


async def _import(file: IO[bytes], replace: bool, as_json: bool) -> None:
    from answerback.archive import parse
    from answerback.errors import MalformedArchive
    from answerback.store.threads.archives import Archives

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
                    raise MalformedArchive(f"{thread} already exists (--replace replaces it)")
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
