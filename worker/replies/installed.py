"""The accounts in which others have installed our app, as a worker uses them."""

from __future__ import annotations

from typing import NamedTuple

from answerback.errors import SealBroken
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Client
from answerback.platforms.install import InstallSupport
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable

log = get_logger(__name__)

MOST = 10_000
"""Accounts that are kept opened in memory; the one used longest ago is dropped first."""


class Access(NamedTuple):
    """What a worker has for an installed account.

    Attributes:
        client: Sends with the account's token; None where the configured credential opens the account.
        identity: Who we are there.
        refusal: Why nothing can be sent with it, for an operator; "" if it can.
    """

    client: Client | None
    identity: Identity | None
    refusal: str = ""


class _Opened(NamedTuple):
    held: bytes
    access: Access | None


class InstalledAccounts:
    """Reads an account each time it is needed, and opens it again if it has changed.

    A reply that is replayed because its account was installed again must not fail for what was read before.
    """

    def __init__(self, settings: Settings, accounts: Accounts, threads: Threads) -> None:
        self._settings = settings
        self._accounts = accounts
        self._threads = threads
        self._supports = {name: each.INSTALL for name, each in PLATFORMS.items() if each.INSTALL}
        self._kept: dict[tuple[str, str], _Opened] = {}

    @property
    def platforms(self) -> list[str]:
        """The platforms on which the app can be installed."""
        return [name for name, support in self._supports.items() if support.installer(self._settings)]

    async def access(self, platform: str, account: str) -> Access | None:
        """Return what we have for an account; None if it was never installed."""
        support = self._supports.get(platform)
        if support is None:
            return None
        key = (platform, account)
        held: bytes = await retry_while_unavailable(self._accounts.read, platform, account)
        kept = self._kept.pop(key, None)
        if kept is None or kept.held != held:
            kept = _Opened(held, await self._opened(support, platform, held))
        self._kept[key] = kept
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return kept.access

    async def _opened(self, support: InstallSupport, platform: str, held: bytes) -> Access | None:
        if not held:
            return None
        account, refusal = self._accounts.listed(held), ""
        try:
            account = self._accounts.opened(platform, held)
        except SealBroken:
            refusal = (
                f"the credential of {account.title} cannot be opened: add the key that sealed it to "
                "ANSWERBACK_SECRET_KEY, or install the app there again; then replay the reply"
            )
            log.error("credential cannot be opened", platform=platform, account=account.title)
        refusal = account.refusal or refusal
        if account.identity:
            # Before anything is posted, so that ingress recognises the webhooks of our own messages.
            await retry_while_unavailable(self._threads.add_own_identities, platform, account.identity.marks)
        client = support.client(self._settings, account) if support.client else None
        return Access(client, account.identity, refusal)
