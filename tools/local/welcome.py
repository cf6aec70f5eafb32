"""Print what `up` started: where everything is, and a command to try."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap

import click

from answerback.platforms.registry import PLATFORMS
from answerback.store.fleet.workers import WorkerReport

from ..rendering import visible


def welcome(
    *,
    url: str,
    key: Path | None,
    link: str,
    data: str,
    working: Sequence[WorkerReport],
    made: Mapping[str, str],
    needs: str,
) -> None:
    """Print the welcome.

    Args:
        link: the token of a sign-in link for the dashboard
        key: the path of the development key, None when there is none
        made: the development secrets in use
        needs: the settings that a second terminal needs too, as a command prefix
    """
    agents = {agent.name: agent.description for report in working for agent in report.agents if not agent.workspace}
    rows = [
        ("webhooks", f"{url}/webhooks/PLATFORM: {', '.join(PLATFORMS)}"),
        ("api", f"{url}/api/v1"),
        ("reference", f"{url}/api/v1/docs"),
        ("data", data),
        *(("agent", f"{name}: {visible(text)}" if text else name) for name, text in agents.items()),
        ("workers", str(len(working))),
    ]
    if made:
        names = [name for name, platform in PLATFORMS.items() if platform.SECRET in made]
        rows.append(("secrets", f"generated for webhooks of {', '.join(names)}"))
    click.echo(f"\n{click.style('Answerback is ready.', bold=True)}\n")
    for name, value in rows:
        lines = wrap(value, 80 - 12, break_long_words=False, break_on_hyphens=False) or [""]
        click.echo("\n".join([f"  {name:<10}{lines[0]}", *(f"{'':<12}{line}" for line in lines[1:])]))
    click.echo(f"\nOpen the dashboard (the link works once, within 15 minutes):\n\n  {url}/#link={link}")
    click.echo(f'\nTry this in a second terminal:\n\n  {needs}{_command()} send "hello"')
    if key is None:
        click.echo(f"\nThe API needs a key:\n\n  {needs}{_command()} keys create")
    else:
        click.echo(f'  curl -H "Authorization: Bearer $(cat {_typed(key)})" \\\n    {url}/api/v1/me')
    click.echo("\nCtrl-C stops everything.\n")


def needed(environ: Mapping[str, str]) -> str:
    """Return the settings that a second terminal needs, as a command prefix. REDIS_URL is named, not shown."""
    needs = ""
    for name in ("ANSWERBACK_DATA", "ANSWERBACK_DATA_FILE", "REDIS_URL_FILE"):
        if environ.get(name, "").strip():
            needs += f"{name}={shlex.quote(environ[name])} "
    if environ.get("REDIS_URL", "").strip():
        needs += "REDIS_URL=… "  # it may hold a password
    return needs


def _command() -> str:
    """Return this program as the user would type it in the same folder."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m answerback.tools"
    on_path = shutil.which(path.name)
    if on_path and os.path.samefile(on_path, path):
        return path.name
    return _typed(path)


def _typed(path: Path) -> str:
    """Return a path as the user would type it here."""
    absolute = path.absolute()
    return shlex.quote(str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute))
