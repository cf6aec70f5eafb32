"""Authenticate as a GitHub App: its key obtains a token for each installation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from answerback.accounts import Account
from answerback.errors import ConfigurationError
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Exchange, Response
from answerback.platforms.answer import clock_off, read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.github.credential import ASKING, requested
from answerback.platforms.github.installations import grants, installations
from answerback.platforms.github.refusal import Signed, check

log = get_logger(__name__)

_TOLERATED = 30.0
"""Tolerated clock difference in seconds: the Date header has whole seconds, and a response takes time."""


class _App(msgspec.Struct):
    id: int
    slug: str
    permissions: Spare[dict[str, str]] = None
    events: Spare[list[str]] = None


class _Installation(msgspec.Struct):
    id: int


class _Token(msgspec.Struct):
    token: str
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]


class _Issued(NamedTuple):
    """An installation's token, with its time of issue and last use by our corrected clock, in seconds."""

    token: str
    at: float
    until: float


_app = msgspec.json.Decoder(_App)
_installation = msgspec.json.Decoder(_Installation)
_token = msgspec.json.Decoder(_Token)


class App:
    """A GitHub App: its key signs a short-lived JWT, which obtains a token for one installation, valid for an hour.

    Raises `ConfigurationError` for a key that is not an RSA private key.
    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    """

    name = "GITHUB_APP_PRIVATE_KEY"

    def __init__(self, app_id: str, key: str, api: str, clock: Callable[[], float] = time.time) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from jwt.algorithms import RSAAlgorithm
        from jwt.exceptions import InvalidKeyError

        try:
            loaded = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(key)
        except (InvalidKeyError, ValueError, TypeError):
            loaded = None
        if not isinstance(loaded, RSAPrivateKey):
            raise ConfigurationError(
                "GITHUB_APP_PRIVATE_KEY is not a valid RSA private key: "
                "use the .pem file from the app's settings page at GitHub"
            )
        self._key = loaded  # parsing the PEM takes much longer than signing
        self._id, self._api, self._clock = app_id, api, clock
        self._tokens: dict[int, _Issued] = {}
        self._installations: dict[str, int] = {}
        self._replaced: dict[int, int] = {}
        self._ahead = 0.0

    def __repr__(self) -> str:
        return f"App({self._id})"

    def scope(self, installation: int) -> str:
        return f"installation:{installation}" if installation else ""

    def authorization(self, repo: str, installation: int, attempt: Attempt = LAST) -> Exchange[str]:
        number = self._number(repo, installation) or (yield from self._installed_in(repo, attempt))
        issued = self._tokens.get(number)
        if issued is None or self._now() >= issued.until:
            response = yield from self._mint(number)
            if response.status in (401, 404):
                # If the app was reinstalled, its installation is no longer the one in the webhook.
                before, number = number, (yield from self._installed_in(repo, attempt))
                if number != before:
                    self._replaced[installation or before] = number
                    response = yield from self._mint(number)
            self._check(response, attempt)
            fresh = read(response, _token, "GitHub", unknown=False)
            # The expiry is by GitHub's clock: do not exceed it by ours, and leave time for a request to arrive.
            now = self._now()
            issued = _Issued(fresh.token, now, min(fresh.expires_at.timestamp(), now + 3600) - 120)
            self._tokens[number] = issued
        return f"Bearer {issued.token}"

    def signed(self, repo: str, installation: int) -> Signed:
        issued = self._tokens.get(self._number(repo, installation))
        return Signed(self.name, self._now() - issued.at if issued else None)

    def _mint(self, installation: int) -> Exchange[Response]:
        """https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"""
        url = f"{self._api}/app/installations/{installation}/access_tokens"
        return (yield from self._ask("POST", url))

    def _number(self, repo: str, installation: int) -> int:
        """Return the current installation id; 0 if it must be looked up."""
        return self._replaced.get(installation, installation) or self._installations.get(repo, 0)

    def forget(self, installation: int) -> bool:
        if installation:
            self._tokens.pop(self._replaced.pop(installation, installation), None)
        else:  # it was looked up by repository, and the cached id may be wrong
            self._tokens.clear()
            self._installations.clear()
        return True

    def granted(self) -> Exchange[frozenset[str] | None]:
        """Return the app's permissions, each with every level that it includes, and its events."""
        app = yield from self._self()
        if app.permissions is None or app.events is None:
            return None
        return grants(app.permissions, app.events)

    def accounts(self) -> Exchange[Sequence[Account] | None]:
        """Return all installations of the app."""
        return (yield from installations(self._get))

    def _self(self) -> Exchange[_App]:
        """https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app"""
        response = yield from self._get("/app")
        return read(response, _app, "GitHub", unknown=False)

    def whoami(self) -> Exchange[Identity]:
        app = yield from self._self()
        slug = app.slug.lower()
        return Identity(
            name=f"@{app.slug} (app {app.id})", mentions=(slug,), marks=(f"app:{app.id}", f"login:{slug}[bot]")
        )

    def _installed_in(self, repo: str, attempt: Attempt) -> Exchange[int]:
        """Look up the installation of a repository or an organization, for webhooks that are not the app's own.

        https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
        """
        url = f"{self._api}/{'repos' if '/' in repo else 'orgs'}/{quote(repo)}/installation"
        response = yield from self._ask("GET", url)
        self._check(response, attempt)
        number = read(response, _installation, "GitHub", unknown=False).id
        self._installations[repo] = number
        return number

    def sign(self) -> str:
        """Return the Authorization header for a request by the app itself."""
        import jwt

        now = int(self._now())
        # A minute back, since GitHub refuses a JWT from the future; it allows ten minutes at most.
        claims = {"iat": now - 60, "exp": now + 480, "iss": self._id}
        return "Bearer " + jwt.encode(claims, self._key, algorithm="RS256")

    def _ask(self, method: Literal["GET", "POST"], url: str) -> Exchange[Response]:
        """Make one unchecked request as the app itself; sign it again if GitHub refused it because of our clock."""
        response = yield from requested(method, url, self.sign())
        return (yield from requested(method, url, self.sign())) if self.corrects(response) else response

    def _get(self, path: str) -> Exchange[Response]:
        response = yield from self._ask("GET", f"{self._api}{path}")
        self._check(response, LAST)
        return response

    def _check(self, response: Response, attempt: Attempt) -> None:
        check(response, self._clock(), Signed(self.name), doing=ASKING, scope="", unknown=False, attempt=attempt)

    def corrects(self, response: Response) -> bool:
        """Adopt GitHub's time from a refusal if our clock is wrong. Returns whether signing again may help.

        By GitHub's clock, a JWT must not be from the future, nor expire more than ten minutes from now:
        https://github.com/octokit/auth-app.js/pull/164
        """
        if response.status != 401:
            return False
        ahead = clock_off(response.headers, self._clock())
        if ahead is None or abs(ahead - self._ahead) < _TOLERATED:
            return False
        self._ahead = ahead
        log.warning(
            "system clock is wrong, signing with GitHub's time: set the clock (NTP)",
            seconds_fast=round(ahead),
        )
        return True

    def _now(self) -> float:
        return self._clock() - self._ahead
