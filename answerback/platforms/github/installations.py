"""Installations of a GitHub App: the accounts that its key opens, from webhooks and as a list.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from answerback.accounts import Account
from answerback.errors import MalformedBody
from answerback.notifications import Installed, Uninstalled
from answerback.platforms import Exchange, Ignored, Inbound, Response
from answerback.platforms.answer import read
from answerback.platforms.decoding import Spare, decode
from answerback.platforms.github.digest import digest
from answerback.platforms.github.payload import Id, milliseconds

PAGE = 100
"""Installations of one request."""
PAGES = 500
"""Requests at most: an app has no more installations than this in practice, and a list must end."""
REMOVED = frozenset({"deleted", "suspend"})
RETURNED = frozenset({"created", "unsuspend", "new_permissions_accepted"})


class _Owner(msgspec.Struct):
    login: Spare[str] = None
    slug: Spare[str] = None


class _Installation(msgspec.Struct):
    """`account`: an organization or a user with a login, or an enterprise with a slug."""

    id: Id
    account: Spare[_Owner] = None
    permissions: Spare[dict[str, str]] = None
    events: Spare[list[str]] = None
    updated_at: Spare[str] = None
    suspended_at: Spare[str] = None


class _Webhook(msgspec.Struct):
    action: Spare[str] = None
    installation: Spare[_Installation] = None


_webhook = msgspec.json.Decoder(_Webhook)
_list = msgspec.json.Decoder(list[_Installation])

_LEVELS = {"read": ("read",), "write": ("read", "write"), "admin": ("read", "write", "admin")}


def grants(permissions: Mapping[str, str], events: Iterable[str]) -> frozenset[str]:
    """Return permissions, each with every level that it includes, and events, in the words of `MANIFEST`."""
    levels = {f"{name}:{level}" for name, most in permissions.items() for level in _LEVELS.get(most, ())}
    return frozenset(levels | {f"event {name}" for name in events})


def parse_installation(body: bytes) -> list[Inbound] | Ignored:
    """Parse `installation`: the app was installed, suspended or removed."""
    found = decode(_webhook, body, "GitHub documents")
    action, one = found.action or "", found.installation
    if action not in REMOVED | RETURNED:
        return Ignored(f"installation {action if action.isidentifier() else 'unnamed'}")
    if one is None:
        raise MalformedBody(f"installation {action} without the installation")
    account = _account(one)
    delivery = f"github:installation.{action}:{one.id}:{digest(one.updated_at or '', one.suspended_at or '')}"
    if action in RETURNED and not account.suspended:
        # Without a time: `updated_at` is not said to be that of a return.
        return [Installed(delivery=delivery, account=account)]
    suspended = action != "deleted"
    at = milliseconds(one.suspended_at) if suspended else 0
    return [
        Uninstalled(delivery=delivery, account=account.id, at=at, name=account.name or account.id, suspended=suspended)
    ]


def installations(get: Callable[[str], Exchange[Response]]) -> Exchange[Sequence[Account]]:
    """List all installations. `get` makes a request as the app, and refuses what is not a success.

    https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app
    """
    accounts: dict[str, Account] = {}
    for page in range(1, PAGES + 1):
        response = yield from get(f"/app/installations?per_page={PAGE}&page={page}")
        found: list[_Installation] = read(response, _list, "GitHub", unknown=False)
        accounts |= {account.id: account for account in map(_account, found)}
        if len(found) < PAGE:
            break
    return list(accounts.values())


def _account(one: _Installation) -> Account:
    owner = one.account or _Owner()
    suspended = milliseconds(one.suspended_at)
    return Account(
        id=str(one.id),
        name=owner.login or owner.slug or "",
        scopes=tuple(sorted(grants(one.permissions or {}, one.events or ()))),
        removed=suspended,
        suspended=bool(suspended),
    )
