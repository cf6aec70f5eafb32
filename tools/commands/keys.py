"""`answerback keys`: create, list, rotate and revoke API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..exits import NotFound
from ..groups import ListByDefault, run
from .age import age

if TYPE_CHECKING:
    from answerback.store.access.api_keys import ApiKey

SCOPES = ("chat:read", "chat:write", "agents:register", "admin")
USUAL = ("chat:read", "chat:write")


@click.group(cls=ListByDefault)
def keys() -> None:
    """Manage API keys. A key gives access to one workspace, limited by its scopes; only its hash is stored.

    A publishable key may appear in a web page: it can only open sessions, from the origins it was
    created for.

    \b
    Examples:
      answerback keys
      answerback keys create --name backend
      answerback keys create --workspace acme --scope chat:read --expires 90d
      answerback keys create --scope agents:register --name weather-agent
      answerback keys create --publishable --origin https://www.example.com
      answerback keys rotate 1f0c8d1f4c0b6d0e --grace 2h
      answerback keys revoke 1f0c8d1f4c0b6d0e
      answerback keys user-token ada --expires 1h
    """


@keys.command()
@click.option(
    "--workspace", default="default", show_default=True, help="Workspace; threads of webhooks are in default."
)
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help=f"Scope.  [default: {', '.join(USUAL)}]"
)
@click.option("--publishable", is_flag=True, help="For web pages: the key can only open sessions.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="Origin of the page, app or extension: https://www.example.com, capacitor://localhost.",
)
@click.option("--name", default="", help="A name for people to recognise it by.")
@click.option("--expires", callback=age, metavar="AGE", help="Lifetime: 30m, 2h, 90d.  [default: forever]")
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
    """Create a key and print it. It is shown only once."""
    if publishable != bool(origins):
        raise click.UsageError("--publishable and --origin require each other: name each origin that may use the key.")
    if publishable and scopes:
        raise click.UsageError("a publishable key has no --scope: it can only open sessions.")
    run(_create(workspace, () if publishable else scopes or USUAL, origins, name, expires, as_json))


@keys.command("user-token")
@click.argument("user")
@click.option("--workspace", default="default", show_default=True, help="Workspace of the user's threads.")
@click.option("--expires", default="1d", show_default=True, callback=age, metavar="AGE", help="Lifetime, at most 30d.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def user_token(user: str, workspace: str, expires: int, as_json: bool) -> None:
    """Issue a token for one user and print it. It is shown only once.

    It gives access to the threads with this user_id. A server issues its users' tokens over HTTP:
    POST /api/v1/user-tokens.
    """
    run(_user_token(user, workspace, expires, as_json))


@keys.command("list")
@click.option("--workspace", help="Only keys of this workspace.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(workspace: str | None, as_json: bool) -> None:
    """List all keys, including revoked ones, without their secrets."""
    run(_list(workspace, as_json))


@keys.command()
@click.argument("id")
@click.option("--grace", default="1d", show_default=True, callback=age, help="How long the old secret stays valid.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate(id: str, grace: int, as_json: bool) -> None:
    """Give a key a new secret and print it. It is shown only once. `--grace 0s` ends the old secret now."""
    run(_rotate(id, grace, as_json))


@keys.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def revoke(ids: tuple[str, ...]) -> None:
    """Revoke keys permanently, and the tokens issued with them.

    These are tokens of sessions and of users. An id may also be that of a user token.
    """
    run(_revoke(ids))


async def _create(
    workspace: str, scopes: tuple[str, ...], origins: tuple[str, ...], name: str, expires: int, as_json: bool
) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        key, secret = await ApiKeys(store.threads.database).create(
            workspace, scopes=scopes, origins=origins, name=name, expires=expires / 1000 if expires else None
        )
    if as_json:
        document(_fields(key) | {"secret": str(secret)})
    else:
        _print_secret(str(secret))


async def _user_token(user: str, workspace: str, expires: int, as_json: bool) -> None:
    from answerback.store.access.user_tokens import UserTokens

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        token, secret = await UserTokens(store.threads.database).grant(workspace, user, seconds=expires / 1000)
    if as_json:
        fields = ("id", "workspace", "user", "expires")
        document({name: getattr(token, name) for name in fields} | {"secret": str(secret)})
    else:
        _print_secret(str(secret))


async def _list(workspace: str | None, as_json: bool) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..rendering import ago, document, show, table, when
    from ..store import opened

    async with opened() as store:
        all_keys = await ApiKeys(store.threads.database).list(workspace)
        now = await store.threads.database.now()
    if as_json:
        document([_fields(key) for key in all_keys])
        return
    if not all_keys:
        click.echo("no API keys: create one with `answerback keys create`", err=True)
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
        for key in all_keys
    ]
    heads = ("key", "workspace", "kind", "for", "state", "created", "last used", "expires", "name")
    show(table(heads, rows, long="name"))


async def _rotate(id: str, grace: int, as_json: bool) -> None:
    from answerback.store.access.api_keys import ApiKeys

    from ..rendering import document
    from ..store import opened

    async with opened() as store:
        api_keys = ApiKeys(store.threads.database)
        secret = await api_keys.rotate(id, grace=grace / 1000)
        key = await api_keys.get(id)
    if secret is None or key is None:
        raise NotFound(f"key not found or revoked: {id}. `answerback keys` lists them.")
    if as_json:
        document(_fields(key) | {"secret": str(secret)})
    else:
        _print_secret(str(secret))


async def _revoke(ids: tuple[str, ...]) -> None:
    from answerback.store.access.api_keys import ApiKeys
    from answerback.store.access.user_tokens import UserTokens

    from ..store import opened

    async with opened() as store:
        api_keys, user_tokens = ApiKeys(store.threads.database), UserTokens(store.threads.database)
        unknown = [id for id in ids if not await api_keys.revoke(id) and not await user_tokens.revoke(id)]
    for id in ids:
        if id not in unknown:
            click.echo(f"revoked {id}")
    if unknown:
        raise NotFound(f"key not found: {', '.join(unknown)}. `answerback keys` lists them.")


def _fields(key: ApiKey) -> dict[str, object]:
    """Return the fields of a key that may be shown."""
    secret = {"hash", "previous", "read"}
    return {name: getattr(key, name) for name in key.__struct_fields__ if name not in secret} | {"state": key.state}


def _print_secret(secret: str) -> None:
    click.echo(secret)
    click.echo("Save it now: it will not be shown again.", err=True)
