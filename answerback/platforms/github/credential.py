"""Who we are to GitHub: a token, or an app that draws a token for each installation."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from answerback.errors import ConfigurationError, Rejected
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import clock_off, harmless, read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.github.refusal import Signed, check

if TYPE_CHECKING:
    from answerback.settings import Settings

log = get_logger(__name__)

HEADERS = {
    "accept": "application/vnd.github+json",
    "content-type": "application/json",
    "user-agent": "answerback",  # GitHub refuses requests without one
    "x-github-api-version": "2022-11-28",
}


class Credential(Protocol):
    """What signs requests. `name` is the setting an operator would look at."""

    name: str

    def scope(self, installation: int) -> str:
        """The bucket that GitHub's rate limits count these requests in."""
        ...

    def authorization(self, repo: str, installation: int, attempt: Attempt = LAST) -> Exchange[str]:
        """The value of the Authorization header for a request about `repo`, which may be an organization."""
        ...

    def signed(self, repo: str, installation: int) -> Signed:
        """What such a request is signed with now."""
        ...

    def forget(self, installation: int) -> bool:
        """Drop what GitHub just refused with 401; true when asking `authorization` again may help."""
        ...

    def whoami(self) -> Exchange[Identity]:
        """See `Client.whoami`."""
        ...


class _User(msgspec.Struct):
    id: int
    login: str


class _App(msgspec.Struct):
    id: int
    slug: str


class _Installation(msgspec.Struct):
    id: int


class _Token(msgspec.Struct):
    token: str
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]


class _Issued(NamedTuple):
    """An installation's token, and by our corrected clock when it was issued and when it is used no more."""

    token: str
    at: float
    until: float


_ASKING = "asking who we are and what we may"
_TOLERATED = 30.0
"""Seconds that our clock and GitHub's may differ by: the Date header has whole ones, and an answer takes its time."""

_user = msgspec.json.Decoder(_User)
_app = msgspec.json.Decoder(_App)
_installation = msgspec.json.Decoder(_Installation)
_token = msgspec.json.Decoder(_Token)


class Token:
    """A personal access token, or any other that needs no renewal."""

    name = "GITHUB_TOKEN"

    def __init__(self, token: str, api: str, clock: Callable[[], float] = time.time) -> None:
        self._token, self._api, self._clock = token, api, clock

    def __repr__(self) -> str:
        return "Token(…)"

    def scope(self, installation: int) -> str:
        return ""

    def authorization(self, repo: str, installation: int, attempt: Attempt = LAST) -> Exchange[str]:
        yield from ()
        return f"Bearer {self._token}"

    def signed(self, repo: str, installation: int) -> Signed:
        return Signed(self.name)

    def forget(self, installation: int) -> bool:
        return False

    def whoami(self) -> Exchange[Identity]:
        """Whose token it is. GitHub does not tell a machine user from a person: a login without "bot" is a person's.

        Raises `Rejected` for an installation's token, which no user has.
        https://docs.github.com/en/rest/users/users#get-the-authenticated-user
        """
        response = yield from _request("GET", f"{self._api}/user", f"Bearer {self._token}")
        installations = self._token.startswith("ghs_") or b"accessible by integration" in response.body
        if response.status in (401, 403, 404) and installations:
            raise Rejected(_INSTALLATION_TOKEN)
        check(response, self._clock(), Signed(self.name), doing=_ASKING, scope="", unknown=False)
        user = read(response, _user, "GitHub", unknown=False)
        login = user.login.lower()
        return Identity(
            name=f"@{user.login}",
            mentions=(login.removesuffix("[bot]"),),
            marks=(f"user:{user.id}", f"login:{login}"),
            person="bot" not in login,
        )


class App:
    """A GitHub App: its key signs a short JWT, which buys a token of one hour for one installation.

    Raises `ConfigurationError` for a key that is no RSA private key.
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
                "GITHUB_APP_PRIVATE_KEY is not an RSA private key that can be read: "
                "take the .pem file that the app's settings page at GitHub offers"
            )
        self._key = loaded  # reading the PEM takes much longer than signing with it
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
                # An app that was removed and installed again has another installation than the webhook says.
                before, number = number, (yield from self._installed_in(repo, attempt))
                if number != before:
                    self._replaced[installation or before] = number
                    response = yield from self._mint(number)
            self._check(response, attempt)
            fresh = read(response, _token, "GitHub", unknown=False)
            # Their clock set the end; ours must not stretch it, and a request may take a while to arrive.
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
        """The installation as we know it now; 0 when it has to be looked up."""
        return self._replaced.get(installation, installation) or self._installations.get(repo, 0)

    def forget(self, installation: int) -> bool:
        if installation:
            self._tokens.pop(self._replaced.pop(installation, installation), None)
        else:  # it was looked up by repository; what we remember may be what is wrong
            self._tokens.clear()
            self._installations.clear()
        return True

    def whoami(self) -> Exchange[Identity]:
        """https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app"""
        response = yield from self._ask("GET", f"{self._api}/app")
        self._check(response, LAST)
        app = read(response, _app, "GitHub", unknown=False)
        slug = app.slug.lower()
        return Identity(
            name=f"@{app.slug} (app {app.id})", mentions=(slug,), marks=(f"app:{app.id}", f"login:{slug}[bot]")
        )

    def _installed_in(self, repo: str, attempt: Attempt) -> Exchange[int]:
        """Which installation a repository, or an organization, belongs to: for webhooks that are not the app's own.

        https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
        """
        url = f"{self._api}/{'repos' if '/' in repo else 'orgs'}/{quote(repo)}/installation"
        response = yield from self._ask("GET", url)
        self._check(response, attempt)
        number = read(response, _installation, "GitHub", unknown=False).id
        self._installations[repo] = number
        return number

    def sign(self) -> str:
        """The value of the Authorization header for a request that the app makes as itself."""
        import jwt

        now = int(self._now())
        # A minute back, since GitHub refuses a JWT from the future; ten minutes are the most it allows.
        claims = {"iat": now - 60, "exp": now + 480, "iss": self._id}
        return "Bearer " + jwt.encode(claims, self._key, algorithm="RS256")

    def _ask(self, method: Literal["GET", "POST"], url: str) -> Exchange[Response]:
        """One request as the app itself, signed anew where our clock was what GitHub did not like. Not checked."""
        response = yield from _request(method, url, self.sign())
        return (yield from _request(method, url, self.sign())) if self.corrects(response) else response

    def _check(self, response: Response, attempt: Attempt) -> None:
        check(response, self._clock(), Signed(self.name), doing=_ASKING, scope="", unknown=False, attempt=attempt)

    def corrects(self, response: Response) -> bool:
        """Take the time from a refusal that came because our clock is wrong. True when signing again may help.

        A JWT must not be from the future, nor end more than ten minutes in it, by GitHub's clock:
        https://github.com/octokit/auth-app.js/pull/164
        """
        if response.status != 401:
            return False
        ahead = clock_off(response.headers, self._clock())
        if ahead is None or abs(ahead - self._ahead) < _TOLERATED:
            return False
        self._ahead = ahead
        log.warning(
            "the clock of this machine is wrong: GitHub's is used to sign, set this one (NTP)",
            seconds_fast=round(ahead),
        )
        return True

    def _now(self) -> float:
        return self._clock() - self._ahead


_INSTALLATION_TOKEN = (
    "GITHUB_TOKEN is an installation access token (ghs_…), as GitHub Actions has: it belongs to no account, and is "
    "good for an hour. Set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY of your GitHub App, or in GITHUB_TOKEN a "
    "personal access token of an account that the bot has for itself"
)


def configured(settings: Settings) -> Credential | None:
    """GITHUB_TOKEN, or the GitHub App; None with neither.

    Raises `ConfigurationError` when the app's private key cannot be used.
    """
    api = settings.github_api_url
    if settings.github_token:
        return Token(settings.github_token.get_secret_value().strip(), api)
    if settings.github_app_id and settings.github_app_key:
        return App(settings.github_app_id.strip(), settings.github_app_key.get_secret_value(), api)
    return None


def _request(method: Literal["GET", "POST"], url: str, authorization: str) -> Exchange[Response]:
    request = Request(method=method, url=url, headers={**HEADERS, "authorization": authorization})
    return (yield from harmless(request))
