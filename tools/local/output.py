"""The output of `up`: the lines of all processes, each after the name of its process."""

from contextlib import suppress

import click

_COLORS = {"web": "cyan", "worker": "green", "up": "yellow", "agent": "magenta"}


class Output:
    """Standard output with a column for names. `most`: how many there are of a kind, which sets the column's width."""

    def __init__(self, most: int) -> None:
        self._width = len("worker") if most == 1 else len(f"worker.{most}")

    def write(self, name: str, line: str) -> None:
        """Write a line of a process, such as "web" or "worker.2"."""
        prefix = click.style(f"{name:<{self._width}} |", fg=_COLORS[name.partition(".")[0]])
        with suppress(OSError):  # a closed terminal or pipe must not stop the processes
            click.echo(f"{prefix} {line}")
