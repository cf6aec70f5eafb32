"""The console script `answerback`: every command, with its one line."""

from __future__ import annotations

import sys

import click

from .exits import EXIT_CODES
from .groups import Commands, LazyCommand

COMMANDS = {
    "up": LazyCommand(".commands.up:up", "Start everything here: server, ingress, workers. Ctrl-C stops it."),
    "send": LazyCommand(".commands.send:send", "Send a message as a provider would, and print the reply."),
    "queue": LazyCommand(".commands.queue:queue", "What waits, what is in flight, what is dead."),
    "threads": LazyCommand(".commands.threads:threads", "List threads, show one, unlock, requeue, purge."),
    "dead": LazyCommand(".commands.dead:dead", "Dead letters: list, show, replay, drop."),
    "export": LazyCommand(".commands.archives:export", "Write threads to a file, a line each."),
    "import": LazyCommand(".commands.archives:import_", "Put exported threads into this store."),
    "workers": LazyCommand(".commands.workers:workers", "Who works, and whom they serve."),
    "github": LazyCommand(".commands.github:github", "Ask GitHub again for what it could not deliver."),
    "keys": LazyCommand(".commands.keys:keys", "API keys: create, list, rotate, revoke."),
    "flow": LazyCommand(".commands.flow:flow", "Dialog flows: check, draw, try one."),
    "link": LazyCommand(".commands.link:link", "A link that signs in to the dashboard, once."),
    "check": LazyCommand(".commands.check:check", "Check settings, secrets, Redis and credentials; start nothing."),
    "ingress": LazyCommand(".commands.foreground:ingress", "Run one ingress process in the foreground."),
    "worker": LazyCommand(".commands.foreground:worker", "Run one worker process in the foreground."),
}


@click.command(
    cls=Commands,
    lazy=COMMANDS,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["--help"], "max_content_width": 100},
)
@click.version_option(package_name="answerback", message="%(prog)s %(version)s")
def cli() -> None:
    """Answerback: the durable layer under a chat agent.

    \b
    To begin, in two terminals:
      answerback up
      answerback send "hello"

    \b
    Then look around:
      answerback threads show standard:cli
      answerback queue --watch
      answerback check

    Settings are environment variables: REDIS_URL (unset: the server that `up` runs on
    ANSWERBACK_DATA), ANSWERBACK_AGENTS, PORT and others. With --json, a command prints one JSON
    document for scripts.
    """


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its number, never a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="answerback")
