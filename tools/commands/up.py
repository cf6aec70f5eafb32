"""`answerback up`: run everything in one terminal."""

from __future__ import annotations

import sys

import click

from ..exits import Failure
from ..groups import run


@click.command()
@click.option(
    "--ingress", type=click.IntRange(1, 64), help="Ingress processes to run (default: WEB_CONCURRENCY, or 1)."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes to run.")
@click.option("--reload", is_flag=True, help="Reload the agents when a file of the project changes.")
@click.option("--debug", is_flag=True, help="Give the worker this terminal, for `breakpoint()` in an agent.")
def up(ingress: int | None, workers: int, reload: bool, debug: bool) -> None:
    """Start the bundled server, ingress and workers on this machine.

    The server keeps its data in ANSWERBACK_DATA (default: .answerback). If REDIS_URL is set, that
    Redis is used and no server is started. Platforms without a webhook secret get a generated one,
    for development. Ctrl-C stops everything; turns have SHUTDOWN_GRACE_SECONDS to finish, unless
    Ctrl-C is pressed again. The stored data is kept.

    With --reload, a change of a file in this folder starts new workers. Running turns finish on the old
    code; if the new code cannot be loaded, the old code stays in use. With --debug, a turn may stop in a
    debugger for as long as you like.

    \b
    Examples:
      answerback up
      answerback up --ingress 2 --workers 2
      answerback up --reload
      answerback up --debug
      ANSWERBACK_AGENTS=mymodule:agents PORT=9000 answerback up
    """
    if debug and workers > 1:
        raise click.UsageError("--debug needs --workers 1: only one process can have the terminal")
    if debug and reload:
        raise click.UsageError("--debug and --reload exclude each other: the old and the new worker run at once")
    if debug and not sys.stdin.isatty():
        raise click.UsageError("--debug needs a terminal: its standard input is none")

    from answerback.settings import Settings

    from ..local.dev_environment import announced
    from ..local.supervisor import Supervisor

    settings = Settings.load()
    if other := announced(settings.data):
        raise Failure(
            f"Answerback is already running in {settings.data.absolute()}: {other.url} (process {other.pid}). "
            "Stop it with Ctrl-C, or set another ANSWERBACK_DATA and PORT here."
        )
    run(Supervisor(settings, ingress or settings.processes or 1, workers, reload=reload, debug=debug).run())
