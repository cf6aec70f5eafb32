"""`answerback ingress` and `answerback worker`: one process of the Procfile, in place of this one."""

from __future__ import annotations

import os

import click


@click.command()
def ingress() -> None:
    """Run one ingress process in the foreground, on HOST and PORT.

    Without REDIS_URL it joins the server that `answerback up` runs on ANSWERBACK_DATA, and uses the
    development secrets there.

    \b
    Examples:
      answerback ingress
      REDIS_URL=redis://localhost:6379 GITHUB_WEBHOOK_SECRET=… PORT=9000 answerback ingress
    """
    _become("web")


@click.command()
def worker() -> None:
    """Run one worker process in the foreground; SIGTERM or Ctrl-C lets its turns finish.

    Without REDIS_URL it joins the server that `answerback up` runs on ANSWERBACK_DATA.

    \b
    Examples:
      answerback worker
      REDIS_URL=redis://localhost:6379 ANSWERBACK_AGENTS=mymodule:agents answerback worker
    """
    _become("worker")


def _become(name: str) -> None:
    from answerback.settings import Settings

    from ..local.dev_environment import development_secrets
    from ..local.processes import PROCFILE, python
    from ..store import located

    settings = Settings.load()
    environ = dict(os.environ)
    if settings.redis_url is None:
        environ["REDIS_URL"] = located(settings)
        for variable, secret in development_secrets(settings.data).items():
            if not environ.get(variable, "").strip():
                environ[variable] = secret
    command = python(PROCFILE[name])
    os.execve(command[0], command, environ)
