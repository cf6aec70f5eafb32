"""`answerback up`: everything in one terminal."""

from __future__ import annotations

import click

from ..exits import Failure
from ..groups import run


@click.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes to run.")
def up(workers: int) -> None:
    """Start the bundled server, ingress and workers here, and say what to try.

    The server keeps its data in ANSWERBACK_DATA (default: .answerback); with REDIS_URL set, that
    Redis is used and none is started. Platforms without a webhook secret get one made up for
    development. Ctrl-C stops everything, and lets turns finish for SHUTDOWN_GRACE_SECONDS; a second
    Ctrl-C does not wait. What is stored stays.

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
            f"Answerback runs already on {settings.data.absolute()}: {other.url} (process {other.pid}). "
            "Stop that one with Ctrl-C, or give this one its own ANSWERBACK_DATA and PORT."
        )
    run(Supervisor(settings, free_port(settings.host, settings.port), workers).run())
