"""`/{platform}/install` and `/{platform}/oauth`: others install our app in their workspace, in a browser.

The state of OAuth is sealed rather than stored: it holds a digest of a cookie, so that only the browser that began an
installation can end it, within ten minutes. That it was used is stored, before its code is exchanged.
"""

from __future__ import annotations

import hmac
import secrets
import time
from hashlib import sha256

import msgspec
from aiohttp import web

from answerback.accounts import Account
from answerback.errors import DeliveryError, Rejected, SealBroken, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms import Platform
from answerback.platforms.install import Installer, InstallSupport
from answerback.platforms.registry import PLATFORMS
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.settings.variables import Rate
from answerback.store.fleet.accounts import Accounts
from answerback.store.threads.threads import Threads

from .install_page import page
from .limits import Bucket, ClientAddresses, prefix

log = get_logger(__name__)

COOKIE = "answerback_install"
WITHIN = 600
"""Seconds in which an installation has to end."""
RATE = Rate(1, 20)
"""Requests per second and client address: each may lead to one to the platform."""
LONGEST = 2048
"""Characters of a code or a state."""
TIMEOUT = 15.0
"""Seconds to wait for a response of the platform."""


class Installs:
    """The installation of each platform's app that can be installed by others."""

    def __init__(self, settings: Settings, threads: Threads) -> None:
        self._settings = settings
        self._threads = threads
        self._seal = Seal.of(settings)
        self._accounts = Accounts(threads.database, self._seal)
        self._http = PlatformHttp(timeout=TIMEOUT)
        self._addresses = ClientAddresses(settings.trusted_proxies)
        self._bucket = Bucket(RATE)
        self._url = (settings.public_url or "").rstrip("/")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all platforms whose app can be installed."""
        routes: list[web.RouteDef] = []
        for platform in PLATFORMS.values():
            if platform.INSTALL and (installer := platform.INSTALL.installer(self._settings)):
                if self._seal is None or not self._url:
                    log.warning("the app cannot be installed by others", missing=platform.INSTALL.variables)
                    continue
                one = _Install(self, platform, platform.INSTALL, installer, self._seal)
                # Not for HEAD, which must not use up a code.
                routes += [
                    web.get(f"/{platform.NAME}/install", one.begin, allow_head=False),
                    web.get(f"/{platform.NAME}/oauth", one.end, allow_head=False),
                ]
        return routes

    async def close(self, app: web.Application) -> None:
        """Close the connections to platforms."""
        await self._http.close()

    def limited(self, request: web.Request) -> bool:
        """Return whether a client asks too often."""
        return self._bucket.take(prefix(self._addresses.address(request)), time.monotonic()) > 0

    def callback(self, platform: str) -> str:
        """Return the URL to which the platform sends the browser back."""
        return f"{self._url}/{platform}/oauth"

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self._url.startswith("https://")

    async def first_use(self, state: str) -> bool:
        """Record that a state is used. Return False if it was."""
        return await self._accounts.uses_state(sha256(state.encode()).hexdigest(), WITHIN * 1000)

    async def install(self, platform: str, support: InstallSupport, installer: Installer, code: str) -> Account:
        """Exchange a code, ask who we are there, and store the account.

        Raises:
            DeliveryError: the platform did not give access.
            StoreUnavailable, StoreFull: it was not stored.
        """
        account = await self._http.perform(installer.exchange(code, self.callback(platform)))
        assert support.client
        client = support.client(self._settings, account)
        identity = await self._http.perform(client.whoami())
        account = await self._accounts.put(platform, msgspec.structs.replace(account, identity=identity))
        await self._threads.add_own_identities(platform, identity.marks)
        return account


class _Install:
    """The two routes of one platform."""

    def __init__(
        self, installs: Installs, platform: Platform, support: InstallSupport, installer: Installer, seal: Seal
    ) -> None:
        self._installs = installs
        self._name, self._title = platform.NAME, platform.TITLE
        self._support = support
        self._installer = installer
        self._seal = seal
        self._purpose = f"install state {platform.NAME}"
        self._again = f"/{platform.NAME}/install"
        self._path = f"/{platform.NAME}/oauth"

    async def begin(self, request: web.Request) -> web.Response:
        """Send the browser to the platform's page that asks for access."""
        if self._installs.limited(request):
            return self._limited()
        browser = secrets.token_urlsafe(32)
        state = self._seal.close(sha256(browser.encode()).digest(), self._purpose).decode()
        url = self._installer.consent_url(state, self._installs.callback(self._name))
        response = web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            browser,
            max_age=WITHIN,
            path=self._path,
            httponly=True,
            secure=self._installs.secure,
            samesite="Lax",  # the platform's page leads back to us
        )
        return response

    async def end(self, request: web.Request) -> web.Response:
        """Store the account to which a person gave access."""
        if self._installs.limited(request):
            return self._limited()
        response = await self._ended(request)
        response.del_cookie(COOKIE, path=self._path)
        return response

    async def _ended(self, request: web.Request) -> web.Response:
        code, state = request.query.get("code", ""), request.query.get("state", "")
        if not self._from_this_browser(state, request.cookies.get(COOKIE, "")):
            words = "It began in another browser, or more than ten minutes ago."
            return self._page(400, "The installation has to be started again", words)
        if request.query.get("error"):
            return self._page(200, "The app was not installed", f"It was cancelled in {self._title}.")
        if not 0 < len(code) <= LONGEST:
            words = f"{self._title} sent nothing that gives access."
            return self._page(400, "The installation has to be started again", words)
        try:
            if not await self._installs.first_use(state):
                words = "This page was loaded before. If the app was installed then, there is nothing left to do."
                return self._page(400, "This installation has ended", words)
            account = await self._installs.install(self._name, self._support, self._installer, code)
        except Rejected as refusal:
            log.warning("app not installed", platform=self._name, error=str(refusal))
            words = f"{self._title} did not accept the installation. If this happens again, ask its administrator."
            return self._page(400, "The app was not installed", words)
        except (DeliveryError, StoreUnavailable, StoreFull) as error:
            log.warning("app not installed", platform=self._name, error=str(error))
            return self._page(503, "The app was not installed", "Something did not respond. Try again in a minute.")
        log.info("app installed", platform=self._name, account=account.id, name=account.name)
        place = account.name or account.id
        return self._page(200, f"The app is installed in {place}", f"You can close this page and go to {self._title}.")

    def _from_this_browser(self, state: str, browser: str) -> bool:
        if len(state) > LONGEST or not browser:
            return False
        try:
            held = self._seal.open(state.encode(errors="surrogatepass"), self._purpose, within=WITHIN)
        except SealBroken:
            return False
        return hmac.compare_digest(held, sha256(browser.encode(errors="surrogatepass")).digest())

    def _limited(self) -> web.Response:
        return self._page(429, "Too many requests", "Wait a minute, then try again.")

    def _page(self, status: int, heading: str, words: str) -> web.Response:
        return page(status, heading, words, "" if status == 200 else self._again)
