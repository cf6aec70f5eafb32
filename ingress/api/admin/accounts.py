"""`/api/v1/admin/accounts`: the accounts in which the app is installed."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import Field

from answerback.accounts import Account
from answerback.platforms.registry import PLATFORMS
from answerback.store.fleet.accounts import Accounts
from answerback.store.redis import Database

from ..context import RequestContext
from ..route import Model, Route, collect, route
from .overview import check_operator

State = Literal["installed", "suspended", "uninstalled"]


class AccountView(Model):
    """An account in which the app is installed, or was in the last 90 days."""

    platform: str
    id: str = Field(description="the platform's id of the workspace, organization or installation")
    name: str
    identity: str | None = Field(description="who replies there; null if the configured credential opens the account")
    state: State
    since: int = Field(description="when we learned that it is so, ms")
    expires: int | None = Field(description="when its token expires, ms; null if it does not, or has none")
    scopes: list[str] = Field(description="what the app may do there, in the platform's words")
    error: str = Field(description="why its token could not be renewed; empty if it could")

    @classmethod
    def of(cls, platform: str, account: Account) -> AccountView:
        """Return the view of an account."""
        state: State = "installed"
        if account.removed:
            state = "suspended" if account.suspended else "uninstalled"
        return cls(
            platform=platform,
            id=account.id,
            name=account.name,
            identity=account.identity.name if account.identity else None,
            state=state,
            since=account.removed or account.installed,
            expires=account.expires or None,
            scopes=list(account.scopes),
            error=account.error,
        )


class AccountList(Model):
    """All of them."""

    accounts: list[AccountView]


class AccountRoutes:
    """The route of accounts, for operators of the workspace `default`. It shows no credential."""

    def __init__(self, database: Database) -> None:
        self._accounts = Accounts(database, None)

    def routes(self) -> list[Route]:
        """Return the route."""
        return collect(self, tag="Dashboard")

    @route(
        "GET",
        "/admin/accounts",
        scope="admin",
        summary="List the accounts in which the app is installed",
        description="For keys of the workspace `default`.",
        returns=AccountList,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return the accounts of all platforms."""
        check_operator(call.caller)
        found = [
            AccountView.of(name, account)
            for name, platform in PLATFORMS.items()
            if platform.INSTALL
            for account in await self._accounts.list(name)
        ]
        return call.answer(AccountList(accounts=found))
