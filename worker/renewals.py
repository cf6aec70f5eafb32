"""Renewing the tokens of installed accounts before they expire, and sealing credentials with the newest key."""

from __future__ import annotations

import asyncio

import msgspec

from answerback.accounts import Account
from answerback.errors import DeliveryError, Rejected, SealBroken, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms.install import Installer
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts

from .retry import retry_while_unavailable

log = get_logger(__name__)

BEFORE = 3 * 3_600_000
"""ms before its end at which a token is renewed: time for others to do it, and for an operator if it fails."""
ALONE = 90_000
"""ms for which one worker alone may renew a token."""
AFTER_REFUSAL = 3_600_000
EVERY = 60.0
"""Seconds between two rounds at most; a token that expires sooner is looked at sooner."""


class Renewals:
    """Renews tokens. A refresh token can be used once, so one worker at a time does it for an account."""

    def __init__(self, settings: Settings, accounts: Accounts, http: PlatformHttp) -> None:
        self._accounts = accounts
        self._http = http
        self._installers = {
            name: installer
            for name, platform in PLATFORMS.items()
            if platform.INSTALL and (installer := platform.INSTALL.installer(settings))
        }

    async def keep(self) -> None:
        """Go through all accounts again and again, forever."""
        if not self._installers:
            await asyncio.Event().wait()
        while True:
            wait = EVERY
            try:
                for platform, installer in self._installers.items():
                    wait = min(wait, await self._round(platform, installer))
            except (StoreUnavailable, StoreFull):
                pass  # already logged by the guard
            await asyncio.sleep(wait)

    async def _round(self, platform: str, installer: Installer) -> float:
        """Renew what is due. Return the seconds until the next round at most."""
        wait = EVERY
        now = await self._accounts.now()
        for id, held in (await self._accounts.held(platform)).items():
            account = self._accounts.listed(held)
            if account.removed:
                continue
            if self._accounts.outdated(platform, held):
                await self._seal_again(platform, held)
            if account.expires:
                if account.expires - now < BEFORE:
                    await self._renew(platform, installer, id)
                wait = min(wait, max(1.0, (account.expires - now) / 4000))
        return wait

    async def _renew(self, platform: str, installer: Installer, id: str) -> None:
        if not await self._accounts.reserve_renewal(platform, id, ALONE):
            return None
        # Another worker may have renewed it since it was read.
        held = await self._accounts.read(platform, id)
        if not held or self._accounts.listed(held).expires - await self._accounts.now() >= BEFORE:
            return await self._accounts.release_renewal(platform, id)
        title = self._accounts.listed(held).title
        try:
            account = self._accounts.opened(platform, held)
        except SealBroken:
            log.error("credential cannot be opened", platform=platform, account=title)
            return None
        if not account.refresh_token:
            return None
        try:
            renewed = await self._http.perform(installer.renew(account))
        except Rejected as refusal:
            await self._refused(platform, held, account, str(refusal))
        except DeliveryError as error:
            log.warning("token not renewed; will be retried", platform=platform, account=title, error=str(error))
            await self._accounts.release_renewal(platform, id)
        else:
            # The former refresh token is used up: this must not be lost while Redis is unavailable.
            stored = await retry_while_unavailable(self._accounts.replace, platform, held, renewed)
            log.info("token renewed", platform=platform, account=title, replaced_meanwhile=not stored)
            await self._accounts.release_renewal(platform, id)
        return None

    async def _refused(self, platform: str, held: bytes, account: Account, reason: str) -> None:
        log.error("token cannot be renewed", platform=platform, account=account.title, error=reason)
        error = "its token cannot be renewed: install the app there again"
        await self._accounts.replace(platform, held, msgspec.structs.replace(account, error=error))
        await self._accounts.postpone_renewal(platform, account.id, AFTER_REFUSAL)

    async def _seal_again(self, platform: str, held: bytes) -> None:
        try:
            account = self._accounts.opened(platform, held)
        except SealBroken:
            return  # reported where it is used
        if await self._accounts.replace(platform, held, account):
            log.info("credential sealed with the first key", platform=platform, account=account.title)
