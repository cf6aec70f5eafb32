"""The console script `answerback` and its list of commands."""

from __future__ import annotations

import sys

import click

from .exits import EXIT_CODES
from .groups import Commands, LazyCommand

COMMANDS = {
    "up": LazyCommand(".commands.up:up", "Start a local server, ingress and workers. Ctrl-C stops them."),
    "send": LazyCommand(".commands.send:send", "Send a signed message, as a provider would, and print the reply."),
    "new": LazyCommand(".commands.new:new", "Make a project: an agent, its tests, and what it needs to run."),
    "queue": LazyCommand(".commands.queue:queue", "Show what is waiting, in flight, retrying and dead."),
    "threads": LazyCommand(".commands.threads:threads", "List, show, unlock, requeue and purge threads."),
    "dead": LazyCommand(".commands.dead:dead", "List, show, replay and drop dead letters."),
    "export": LazyCommand(".commands.archives:export", "Write threads to a file, one per line."),
    "import": LazyCommand(".commands.archives:import_", "Import exported threads into this store."),
    "workers": LazyCommand(".commands.workers:workers", "List workers and the agents they run."),
    "manifest": LazyCommand(".commands.manifest:manifest", "Print what a Slack or GitHub app is created from."),
    "accounts": LazyCommand(".commands.accounts:accounts", "List and remove accounts that installed your app."),
    "pause": LazyCommand(".commands.pause:pause", "Start nothing new: for an agent, a platform, or everything."),
    "resume": LazyCommand(".commands.pause:resume", "Resume what was paused."),
    "drain": LazyCommand(".commands.pause:drain", "Let a worker finish what it has, and end."),
    "deploys": LazyCommand(".commands.deploys:deploys", "Show the versions of the agents' code that run."),
    "partitions": LazyCommand(".commands.partitions:partitions", "Show the number of partitions, and change it."),
    "redeliver": LazyCommand(".commands.redeliver:redeliver", "Ask platforms to redeliver failed deliveries."),
    "keys": LazyCommand(".commands.keys:keys", "Create, list, rotate and revoke API keys."),
    "flow": LazyCommand(".commands.flow:flow", "Check, draw and try dialog flows."),
    "link": LazyCommand(".commands.link:link", "Print a single-use sign-in link for the dashboard."),
    "check": LazyCommand(".commands.check:check", "Check settings, secrets, Redis and credentials."),
    "ingress": LazyCommand(".commands.foreground:ingress", "Run ingress in the foreground: one process, or several."),
    "worker": LazyCommand(".commands.foreground:worker", "Run workers in the foreground: one process, or several."),
    "github": LazyCommand(".commands.redeliver:github", "The former name of `redeliver github`.", hidden=True),
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
    To start, in two terminals:
      answerback up
      answerback send "hello"

    \b
    To write an agent:
      answerback new mybot

    \b
    Then look around:
      answerback threads show standard:cli
      answerback queue --watch
      answerback check

    Settings are environment variables: REDIS_URL (default: the server that `up` runs in
    ANSWERBACK_DATA), ANSWERBACK_AGENTS, PORT and others (docs/settings.md). With --json, a
    command prints one JSON document for scripts.
    """


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal cannot encode is escaped instead of raising an exception.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="answerback")
