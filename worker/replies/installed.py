"""The accounts in which others have installed our app, as a worker uses them."""

from __future__ import annotations

import time
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

FRESH = 2.0
"""Seconds for which an account is used as it was read. What has changed meanwhile, such as its token, is seen then."""
MOST = 10_000
"""Accounts that are kept in memory; the one used longest ago is dropped first."""


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


class _Read(NamedTuple):
    at: float
    held: bytes
    access: Access | None


class InstalledAccounts:
    """Reads accounts when they are needed, and again when they may have changed."""

    def __init__(self, settings: Settings, accounts: Accounts, threads: Threads) -> None:
        self._settings = settings
        self._accounts = accounts
        self._threads = threads
        self._supports = {name: each.INSTALL for name, each in PLATFORMS.items() if each.INSTALL}
        self._read: dict[tuple[str, str], _Read] = {}

    @property
    def platforms(self) -> list[str]:
        """The platforms on which the app can be installed."""
        return [name for name, support in self._supports.items() if support.installer(self._settings)]

    async def access(self, platform: str, account: str) -> Access | None:
        """Return what we have for an account; None if it was never installed."""
        support = self._supports.get(platform)
        if support is None:
            return None
        key, now = (platform, account), time.monotonic()
        read = self._read.pop(key, None)
        if read is None or now - read.at > FRESH:
            held: bytes = await retry_while_unavailable(self._accounts.read, platform, account)
            same = read is not None and read.held == held
            read = _Read(now, held, read.access if read and same else await self._opened(support, platform, held))
        self._read[key] = read
        if len(self._read) > MOST:
            del self._read[next(iter(self._read))]
        return read.access

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
