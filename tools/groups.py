"""Groups of commands: one that imports a command only when it is asked for, and one that lists by default.

A command's module imports click and no more at its top, so that --help is quick; what it works with, it
imports when it works.
"""

from __future__ import annotations

import signal
from collections.abc import Coroutine, Mapping
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import click

from .exits import Failure, Unreachable

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end. Raises KeyboardInterrupt for Ctrl-C, when the work has cleaned up."""
    import asyncio

    async def interruptible() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C does not wait for the work
            task.cancel()

        # asyncio.run would cancel in the middle of a task's step. The next `asyncio.timeout` that runs out,
        # and each call to Redis begins with one of no seconds, takes such a cancellation for its own.
        loop.add_signal_handler(signal.SIGINT, interrupt)
        return await work

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


class LazyCommand(NamedTuple):
    """A command that is not imported yet: where it is ("module:name"), and its line in --help."""

    where: str
    summary: str


class Commands(click.Group):
    """The root: imports what a command needs when it runs, and turns our errors into a sentence and an exit code."""

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their declaration: the usual ones first."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return None
        module, _, name = lazy.where.partition(":")
        command: click.Command = getattr(import_module(module, __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self._lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        from answerback.errors import AnswerbackError, StoreUnavailable

        try:
            return super().invoke(ctx)
        except StoreUnavailable as error:
            raise Unreachable(str(error)) from None
        except AnswerbackError as error:
            raise Failure(str(error)) from None


class ListByDefault(click.Group):
    """Commands for one kind of thing. Without one of them, `list` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`threads --limit 5` is `threads list --limit 5`."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)
