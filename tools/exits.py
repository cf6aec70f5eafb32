"""Exit codes and the exceptions that set them."""

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
  0  success
  1  a problem was found, or the command failed
  2  invalid command line
  3  thread, dead letter or key not found
  4  Redis or ingress cannot be reached
"""


class Failure(click.ClickException):
    """An error that is printed as one message, without a traceback."""

    exit_code = PROBLEM

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to stderr."""
        click.echo(f"answerback: {self.message}", file=file, err=file is None)


class NotFound(Failure):
    """The thread, dead letter or key does not exist."""

    exit_code = NOT_FOUND


class Unreachable(Failure):
    """Redis or ingress cannot be reached."""

    exit_code = UNREACHABLE
