"""`answerback ingress` and `answerback worker`: replace this process by one of the Procfile."""

from __future__ import annotations

import os

import click


@click.command()
def ingress() -> None:
    """Run one ingress process in the foreground, on HOST and PORT.

    Without REDIS_URL it uses the server that `answerback up` runs in ANSWERBACK_DATA, and the
    development secrets stored there.

    \b
    Examples:
      answerback ingress
      REDIS_URL=redis://db GITHUB_WEBHOOK_SECRET=… PORT=9000 answerback ingress
    """
    _become("web")


@click.command()
def worker() -> None:
    """Run one worker process in the foreground; on SIGTERM or Ctrl-C it finishes its turns.

    Without REDIS_URL it uses the server that `answerback up` runs in ANSWERBACK_DATA.

    \b
    Examples:
      answerback worker
      REDIS_URL=redis://db ANSWERBACK_AGENTS=mybot:agents answerback worker
    """
    _become("worker")


def _become(name: str) -> None:
    from answerback.environment import is_set, overridden
    from answerback.settings import Settings

    from ..local.dev_environment import development_secrets
    from ..local.processes import PROCFILE, python
    from ..store import located

    settings = Settings.load()
    environ = dict(os.environ)
    if settings.redis_url is None:
        made = development_secrets(settings.data)
        secrets = {name: secret for name, secret in made.items() if not is_set(environ, name)}
        environ = overridden(environ, {"REDIS_URL": located(settings), **secrets})
    command = python(PROCFILE[name])
    os.execve(command[0], command, environ)
