"""`answerback ingress` and `answerback worker`: run processes of the Procfile, one in place of this one, or several."""

from __future__ import annotations

import os

import click

from ..groups import run

_MOST = click.IntRange(1, 256)


@click.command()
@click.option("--processes", type=_MOST, help="Run so many under a supervisor (default: WEB_CONCURRENCY, or none).")
def ingress(processes: int | None) -> None:
    """Run ingress in the foreground, on HOST and PORT.

    With --processes, a supervisor runs several that share the port. It restarts those that crash, and
    on SIGHUP replaces one after another, without refusing a connection. On SIGTERM or Ctrl-C they finish
    their requests; a second Ctrl-C does not wait. METRICS_PORT serves the health and metrics of all.

    Without REDIS_URL it uses the server that `answerback up` runs in ANSWERBACK_DATA, and the
    development secrets stored there.

    \b
    Examples:
      answerback ingress
      answerback ingress --processes 4
      REDIS_URL=redis://db GITHUB_WEBHOOK_SECRET=… PORT=9000 answerback ingress
    """
    _run("web", processes)


@click.command()
@click.option("--processes", type=_MOST, help="Run so many under a supervisor (default: one, without).")
def worker(processes: int | None) -> None:
    """Run workers in the foreground; on SIGTERM or Ctrl-C they finish their turns.

    With --processes, a supervisor runs several. It restarts those that crash, and on SIGHUP replaces one
    after another with the code that is installed now. A second Ctrl-C does not wait. WORKER_METRICS_PORT serves
    the health and metrics of all.

    Without REDIS_URL it uses the server that `answerback up` runs in ANSWERBACK_DATA.

    \b
    Examples:
      answerback worker
      answerback worker --processes 4
      REDIS_URL=redis://db ANSWERBACK_AGENTS=mybot:agents answerback worker
    """
    _run("worker", processes)


def _run(kind: str, processes: int | None) -> None:
    from answerback import log
    from answerback.environment import is_set, overridden, typed
    from answerback.masking import mask
    from answerback.settings import Settings

    from ..local.dev_environment import development_secrets
    from ..local.foreground import Foreground
    from ..local.processes import PROCFILE, python
    from ..store import located

    settings = Settings.load()
    # Each process reads `.env` itself: a process that is started later sees what it says then.
    environ = typed(os.environ)
    if settings.redis_url is None:
        made = development_secrets(settings.data)
        secrets = {name: secret for name, secret in made.items() if not is_set(os.environ, name)}
        environ = overridden(environ, {"REDIS_URL": located(settings), **secrets})
    if kind == "web":
        processes = processes or settings.processes
    if processes is None:
        command = python(PROCFILE[kind])
        os.execve(command[0], command, environ)
    log.configure(settings.log_level)
    mask(settings.secret_values())
    run(Foreground(kind, processes, settings, environ).run())
