"""How a command ends: its exit code, and what it says when it could not do what was asked."""

from __future__ import annotations

from typing import IO, Any

import click

OK = 0
PROBLEM = 1
USAGE = 2
NOT_FOUND = 3
UNREACHABLE = 4

EXIT_CODES = """\b
Exit codes:
  0  done
  1  a problem was found, or it could not be done
  2  the command was not understood
  3  there is no such thread, dead letter or key
  4  Redis, or ingress, cannot be reached
"""


class Failure(click.ClickException):
    """What a person is told instead of a traceback."""

    exit_code = PROBLEM

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to stderr."""
        click.echo(f"answerback: {self.message}", file=file, err=file is None)


class NotFound(Failure):
    """There is no such thing."""

    exit_code = NOT_FOUND


class Unreachable(Failure):
    """Redis or ingress does not answer."""

    exit_code = UNREACHABLE
