"""`answerback link`: a link that signs in to the dashboard, once."""

from __future__ import annotations

import click

from ..groups import run


@click.command()
@click.option("--workspace", default="default", show_default=True, help="Whose threads it opens; webhooks': default.")
def link(workspace: str) -> None:
    """Print a link that signs in to the dashboard once, within 15 minutes.

    It takes no key: whoever can reach the Redis can do anything there.

    \b
    Examples:
      answerback link
      answerback link --workspace acme
    """
    run(_link(workspace))


async def _link(workspace: str) -> None:
    from answerback.store.access.sign_ins import SignIns

    from ..local.address import local_url
    from ..local.dev_environment import announced
    from ..store import opened

    async with opened() as store:
        token = await SignIns(store.threads.database).link(workspace)
        up = announced(store.settings.data)
        url = up.url if up else local_url(store.settings.host, store.settings.port)
        click.echo(f"{url}/#link={token}")
