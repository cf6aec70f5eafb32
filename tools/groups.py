"""Command groups: one that imports its commands lazily, and one that defaults to `list`.

A command's module imports only click at the top, so that --help is fast; everything else is imported
inside the command.
"""

from __future__ import annotations

import signal
from collections.abc import Coroutine, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from .exits import Failure, Unreachable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end. Raises KeyboardInterrupt after Ctrl-C, once the coroutine has cleaned up."""
    import asyncio

    async def interruptible() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C does not wait for the cleanup
            task.cancel()

        # asyncio.run would cancel in the middle of a task's step. The next `asyncio.timeout` to expire would
        # swallow that cancellation as its own, and each call to Redis begins with a timeout of zero seconds.
        loop.add_signal_handler(signal.SIGINT, interrupt)
        return await work

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


class LazyCommand(NamedTuple):
    """A command that is not imported yet: its location ("module:name"), and its line in --help unless `hidden`."""

    where: str
    summary: str
    hidden: bool = False


class Commands(click.Group):
    """The root group: imports a command when it is used, and turns our errors into a message and an exit code."""

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # From these names click takes its suggestions when one is mistyped.
        self.commands = {name: click.Command(name) for name, each in lazy.items() if not each.hidden}
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of declaration: the most used first."""
        return [name for name, lazy in self._lazy.items() if not lazy.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return None
        module, _, name = lazy.where.partition(":")
        command: click.Command = getattr(import_module(module, __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazy[name].summary) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; errors become a `Failure` with an exit code."""
        from answerback.environment import load_environment
        from answerback.errors import AnswerbackError, StoreUnavailable

        try:
            load_environment()
            return super().invoke(ctx)
        except StoreUnavailable as error:
            raise Unreachable(str(error)) from None
        except AnswerbackError as error:
            raise Failure(str(error)) from None


class ListByDefault(click.Group):
    """A group of commands whose default is `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `threads --limit 5` as `threads list --limit 5`."""
        if not args and ctx.resilient_parsing:  # completion: any command may follow
            return super().parse_args(ctx, args)
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, or the options of `list`."""
        default = self.get_command(ctx, "list")
        if default is None or not incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return default.shell_complete(click.Context(default, info_name="list", parent=ctx), incomplete)
