"""`answerback keys`: who may call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..exits import NotFound
from ..groups import ListByDefault, run
from .age import age

if TYPE_CHECKING:
    from answerback.store.access.api_keys import ApiKey

SCOPES = ("chat:read", "chat:write", "admin")
USUAL = ("chat:read", "chat:write")


@click.group(cls=ListByDefault)
def keys() -> None:
    """API keys: each opens one workspace, as far as its scopes go. Of a key's secret, only a hash is stored.

    A publishable key may stand in a web page: from the origins it was made for it opens sessions, and
    nothing else.

    \b
    Examples:
      answerback keys
      answerback keys create --name backend
      answerback keys create --workspace acme --scope chat:read --expires 90d
      answerback keys create --publishable --origin https://www.example.com
      answerback keys rotate 1f0c8d1f4c0b6d0e --grace 2h
      answerback keys revoke 1f0c8d1f4c0b6d0e
    """


@keys.command()
@click.option("--workspace", default="default", show_default=True, help="Whose threads it opens; webhooks': default.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help=f"What it may do; unset: {', '.join(USUAL)}."
)
@click.option("--publishable", is_flag=True, help="For web pages: it opens sessions, and nothing else.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="Of the web pages, the app or extension: https://www.example.com, capacitor://localhost.",
)
@click.option("--name", default="", help="What it is for.")
@click.option("--expires", callback=age, metavar="AGE", help="When it ends by itself: 30m, 2h, 90d. Unset: never.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(
    workspace: str,
    scopes: tuple[str, ...],
    publishable: bool,
    origins: tuple[str, ...],
    name: str,
    expires: int,
    as_json: bool,
) -> None:
    """Make a key, and print it: it is shown this once."""
    if publishable != bool(origins):
        raise click.UsageError("--publishable and --origin belong together: name each origin that may use the key.")
    if publishable and scopes:
        raise click.UsageError("a publishable key has no --scope: it opens sessions, and nothing else.")
    run(_create(workspace, () if publishable else scopes or USUAL, origins, name, expires, as_json))


@keys.command("list")
@click.option("--workspace", help="Of this workspace only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(workspace: str | None, as_json: bool) -> None:
    """All keys, the revoked ones too; never their secrets."""
    run(_list(workspace, as_json))


@keys.command()
@click.argument("id")
@click.option("--grace", default="1d", show_default=True, callback=age, help="How long the old secret is still good.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate(id: str, grace: int, as_json: bool) -> None:
    """Give a key a new secret, and print it: it is shown this once. `--grace 0s` ends the old one now."""
    run(_rotate(id, grace, as_json))


@keys.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def revoke(ids: tuple[str, ...]) -> None:
    """Revoke keys for ever, and the tokens of the sessions that were opened with them."""
    run(_revoke(ids))


async def _create(
    workspace: str, scopes: tuple[str, ...], origins: tuple[str, ...], name: str, expires: int, as_json: bool
) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        made, shown = await ApiKeys(store.threads.database).create(
            workspace, scopes=scopes, origins=origins, name=name, expires=expires / 1000 if expires else None
        )
    if as_json:
        document(_shown(made) | {"secret": str(shown)})
    else:
        _say_once(str(shown))


async def _list(workspace: str | None, as_json: bool) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..rendering import ago, document, show, table, when
    from ..store import opened

    async with opened() as store:
        found = await ApiKeys(store.threads.database).list(workspace)
        now = await store.threads.database.now()
    if as_json:
        document([_shown(key) for key in found])
        return
    if not found:
        click.echo("there are no API keys: make one with `answerback keys create`", err=True)
        return
    rows = [
        (
            key.id,
            key.workspace,
            "publishable" if key.kind == "pub" else "live",
            " ".join(key.scopes or key.origins),
            key.state if key.state != "live" else "",
            ago(key.created, now),
            ago(key.last_used, now),
            when(key.expires),
            key.name,
        )
        for key in found
    ]
    heads = ("key", "workspace", "kind", "for", "state", "created", "last used", "expires", "name")
    show(table(heads, rows, long="name"))


async def _rotate(id: str, grace: int, as_json: bool) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        found = ApiKeys(store.threads.database)
        shown = await found.rotate(id, grace=grace / 1000)
        key = await found.get(id)
    if shown is None or key is None:
        raise NotFound(f"there is no key {id}, or it is revoked: see `answerback keys`.")
    if as_json:
        document(_shown(key) | {"secret": str(shown)})
    else:
        _say_once(str(shown))


async def _revoke(ids: tuple[str, ...]) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..store import opened

    async with opened() as store:
        found = ApiKeys(store.threads.database)
        unknown = [id for id in ids if not await found.revoke(id)]
    for id in ids:
        if id not in unknown:
            click.echo(f"revoked {id}")
    if unknown:
        raise NotFound(f"there is no key {', '.join(unknown)}: see `answerback keys`.")


def _shown(key: ApiKey) -> dict[str, object]:
    secret = {"hash", "previous", "read"}
    return {name: getattr(key, name) for name in key.__struct_fields__ if name not in secret} | {"state": key.state}


def _say_once(secret: str) -> None:
    click.echo(secret)
    click.echo("Keep it now: it is not shown again.", err=True)
