"""`answerback link`: print a single-use sign-in link for the dashboard."""

from __future__ import annotations

import click

from ..groups import run


@click.command()
@click.option(
    "--workspace", default="default", show_default=True, help="Workspace; threads of webhooks are in default."
)
def link(workspace: str) -> None:
    """Print a link that signs in to the dashboard. It works once, within 15 minutes.

    No key is needed: anyone who can reach Redis has full access already.

    \b
    Examples:
      answerback link
      answerback link --workspace acme
    """
    run(_link(workspace))


async def _link(workspace: str) -> None:
    from answerback.settings import Settings
    from answerback.store.access.sign_ins import SignIns

    from ..local.address import local_url
    from ..local.dev_environment import announced
    from ..store import opened

    settings = Settings.load()
    async with opened() as store:
        token = await SignIns(store.threads.database).link(workspace)
        up = announced(settings.data)
        url = up.url if up else local_url(settings.host, settings.port)
        click.echo(f"{url}/#link={token}")
