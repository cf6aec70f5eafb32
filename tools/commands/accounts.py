"""`answerback accounts`: list and remove the accounts in which our app is installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..exits import OK, PROBLEM
from ..groups import run

if TYPE_CHECKING:
    from answerback.accounts import Account


@click.group(invoke_without_command=True)
@click.pass_context
def accounts(context: click.Context) -> None:
    """List and remove the workspaces and organizations in which your app is installed.

    Credentials of their own are sealed with ANSWERBACK_SECRET_KEY and are never shown. Installations of a GitHub App
    have none: the app's key opens them all.

    \b
    Examples:
      answerback accounts
      answerback accounts remove slack T024BE7LD
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@accounts.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool = False) -> None:
    """List the accounts, also those that uninstalled or suspended the app in the last 90 days."""
    run(_list(as_json))


@accounts.command()
@click.argument("platform")
@click.argument("account")
def remove(platform: str, account: str) -> None:
    """Delete the credential of an ACCOUNT, by its id.

    Replies to it become dead letters. This does not uninstall the app on the platform. What is known of an
    installation of a GitHub App is forgotten, until GitHub lists it again.
    """
    sys.exit(run(_remove(platform, account)))


async def _list(as_json: bool) -> None:
    from answerback.platforms.registry import PLATFORMS
    from answerback.store.fleet.accounts import Accounts

    from ..rendering import ago, document, show, table
    from ..store import opened

    async with opened() as store:
        stored = Accounts(store.threads.database, None)
        found = [(name, account) for name in PLATFORMS for account in await stored.list(name)]
        now = await store.threads.database.now()
    if as_json:
        document([{"platform": name, **_shown(account)} for name, account in found])
        return
    if not found:
        click.echo("no account has installed the app", err=True)
        return
    rows = [
        (
            name,
            account.id,
            account.name or "-",
            account.identity.name if account.identity else "-",
            ago(account.installed, now) if account.installed else "-",
            _state(account, now),
        )
        for name, account in found
    ]
    show(table(("platform", "id", "name", "replies as", "installed", "state"), rows))


def _shown(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "name": account.name,
        "identity": account.identity.name if account.identity else None,
        "scopes": list(account.scopes),
        "installed": account.installed or None,
        "expires": account.expires or None,
        "removed": account.removed or None,
        "suspended": account.suspended,
        "error": account.error or None,
    }


def _state(account: Account, now: int) -> str:
    from ..rendering import ago

    if account.removed:
        return f"{'suspended' if account.suspended else 'uninstalled'} {ago(account.removed, now)}"
    return account.error or "installed"


async def _remove(platform: str, id: str) -> int:
    from answerback.platforms.registry import PLATFORMS
    from answerback.store.fleet.accounts import Accounts

    from ..store import opened

    support = PLATFORMS[platform].INSTALL if platform in PLATFORMS else None
    if platform not in PLATFORMS:
        raise click.UsageError(f'there is no platform "{platform}": use one of {", ".join(PLATFORMS)}')
    async with opened() as store:
        stored = Accounts(store.threads.database, None)
        is_stored = any(account.id == id for account in await stored.list(platform))
        if not is_stored:
            click.echo(f"no account {id} of {platform}: `answerback accounts` lists them", err=True)
            return PROBLEM
        if support and support.client is None:
            await stored.remove(platform, id)
            click.echo(f"removed: what was known of {id} is forgotten; uninstall the app on the platform")
            return OK
        if not await stored.uninstall(platform, id):
            click.echo(f"the app was uninstalled from {id} already")
            return OK
    click.echo(f"removed: the credential of {id} is deleted")
    return OK
