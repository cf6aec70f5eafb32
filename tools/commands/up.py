"""`answerback up`: run everything in one terminal."""

from __future__ import annotations

import click

from ..exits import Failure
from ..groups import run


@click.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes to run.")
def up(workers: int) -> None:
    """Start the bundled server, ingress and workers on this machine.

    The server keeps its data in ANSWERBACK_DATA (default: .answerback). If REDIS_URL is set, that
    Redis is used and no server is started. Platforms without a webhook secret get a generated one,
    for development. Ctrl-C stops everything, after turns had SHUTDOWN_GRACE_SECONDS to finish; a
    second Ctrl-C does not wait. The stored data is kept.

    \b
    Examples:
      answerback up
      answerback up --workers 2
      ANSWERBACK_AGENTS=mymodule:agents PORT=9000 answerback up
    """
    from answerback.settings import Settings

    from ..local.address import free_port
    from ..local.dev_environment import announced
    from ..local.supervisor import Supervisor

    settings = Settings.load()
    if other := announced(settings.data):
        raise Failure(
            f"Answerback is already running in {settings.data.absolute()}: {other.url} (process {other.pid}). "
            "Stop it with Ctrl-C, or set another ANSWERBACK_DATA and PORT here."
        )
    run(Supervisor(settings, free_port(settings.host, settings.port), workers).run())
