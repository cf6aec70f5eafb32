"""`answerback manifest`: print what an app is created from on a platform."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from answerback.platforms.manifest import Feature

MORE = ("react", "reactions", "checks", "agent")


@click.command()
@click.argument("platform")
@click.option("--url", default="", help="The public https URL of ingress. [default: PUBLIC_URL]")
@click.option("--name", default="answerbot", show_default=True, help="The app's name.")
@click.option("--socket", is_flag=True, help="Slack's Socket Mode: events need no public URL.")
@click.option("--public", is_flag=True, help="Others may install the app, too.")
@click.option("--command", "commands", multiple=True, metavar="/NAME", help="A slash command; may be repeated.")
@click.option("--with", "more", multiple=True, type=click.Choice(MORE), help="What your agents do besides replying.")
@click.option("--link", is_flag=True, help="Print the URL of the page that creates the app, filled in.")
def manifest(
    platform: str,
    url: str,
    name: str,
    socket: bool,
    public: bool,
    commands: tuple[str, ...],
    more: tuple[str, ...],
    link: bool,
) -> None:
    """Print the manifest of an app: with the scopes and events that the agents need.

    PLATFORM is slack, github, telegram or whatsapp. The agents are those of ANSWERBACK_AGENTS, or the demo agent.

    \b
    Examples:
      answerback manifest slack --url https://bot.example.com
      answerback manifest slack --socket --link
      answerback manifest github --url https://bot.example.com --link
    """
    from answerback.agents.loading import load
    from answerback.agents.needs import features_of
    from answerback.environment import load_environment
    from answerback.platforms.manifest import AppRequest
    from answerback.platforms.registry import PLATFORMS
    from answerback.settings import Settings

    able = [each for each, package in PLATFORMS.items() if package.MANIFEST]
    support = PLATFORMS[platform].MANIFEST if platform in able else None
    if support is None:
        raise click.UsageError(f'there is no manifest for "{platform}": use one of {", ".join(able)}')
    if not name.strip():
        raise click.UsageError("an app needs a name: --name Helpdesk")
    if any(not re.fullmatch(r"/\S{1,31}", each) for each in commands):
        raise click.UsageError("a slash command is one word of at most 31 characters after a /: --command /deploy")
    load_environment()
    settings = Settings.load()
    features = features_of(load(settings.agents), platform) | cast("frozenset[Feature]", frozenset(more))
    app = AppRequest(name, (url or settings.public_url or "").rstrip("/"), features, socket, public, commands)
    try:
        if link:
            click.echo(support.link(app))
        else:
            click.echo(json.dumps(support.document(app), indent=2))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
