"""Our GitHub credential: a token, or an app (see `app`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from answerback.errors import Rejected
from answerback.messages import Identity
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless, read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.github.refusal import Signed, check

if TYPE_CHECKING:
    from answerback.accounts import Account
    from answerback.platforms.github.settings import GitHubSettings

HEADERS = {
    "accept": "application/vnd.github+json",
    "content-type": "application/json",
    "user-agent": "answerback",  # GitHub refuses requests without one
    "x-github-api-version": "2022-11-28",
}


class Credential(Protocol):
    """Authenticates requests. `name` is the setting that the operator would check."""

    name: str

    def scope(self, installation: int) -> str:
        """Return the rate limit scope of these requests."""
        ...

    def authorization(self, repo: str, installation: int, attempt: Attempt = LAST) -> Exchange[str]:
        """Return the Authorization header for a request about `repo`, which may be an organization."""
        ...

    def signed(self, repo: str, installation: int) -> Signed:
        """Return what such a request is currently authenticated with."""
        ...

    def forget(self, installation: int) -> bool:
        """Drop what GitHub just refused with 401. Returns whether calling `authorization` again may help."""
        ...

    def whoami(self) -> Exchange[Identity]:
        """See `Client.whoami`."""
        ...

    def granted(self) -> Exchange[frozenset[str] | None]:
        """See `Client.granted`."""
        ...

    def accounts(self) -> Exchange[Sequence[Account] | None]:
        """See `Client.accounts`."""
        ...


class _User(msgspec.Struct):
    id: int
    login: str


ASKING = "reading our identity and permissions"
"""Names the operation of `requested` in errors."""

_user = msgspec.json.Decoder(_User)


class Token:
    """A personal access token, or any other token without renewal."""

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

    def granted(self) -> Exchange[frozenset[str] | None]:
        """Return None: a fine-grained token does not say what it may do."""
        yield from ()
        return None

    def accounts(self) -> Exchange[Sequence[Account] | None]:
        yield from ()
        return None

    def whoami(self) -> Exchange[Identity]:
        """Return the token's user. GitHub does not mark machine users: a login without "bot" counts as a person.

        Raises `Rejected` for an installation's token, which belongs to no user.
        https://docs.github.com/en/rest/users/users#get-the-authenticated-user
        """
        response = yield from requested("GET", f"{self._api}/user", f"Bearer {self._token}")
        installations = self._token.startswith("ghs_") or b"accessible by integration" in response.body
        if response.status in (401, 403, 404) and installations:
            raise Rejected(_INSTALLATION_TOKEN)
        check(response, self._clock(), Signed(self.name), doing=ASKING, scope="", unknown=False)
        user = read(response, _user, "GitHub", unknown=False)
        login = user.login.lower()
        return Identity(
            name=f"@{user.login}",
            mentions=(login.removesuffix("[bot]"),),
            marks=(f"user:{user.id}", f"login:{login}"),
            person="bot" not in login,
        )


_INSTALLATION_TOKEN = (
    "GITHUB_TOKEN is an installation access token (ghs_…), such as GitHub Actions has: it belongs to no account, and "
    "expires after an hour. Set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY of your GitHub App, or set GITHUB_TOKEN to a "
    "personal access token of the bot's own account"
)


def configured(settings: GitHubSettings) -> Credential | None:
    """Return the credential from GITHUB_TOKEN or the GitHub App; None without either.

    Raises `ConfigurationError` if the app's private key cannot be used.
    """
    # Imported here because the cryptography takes a while to load.
    from answerback.platforms.github.app import App

    if settings.token:
        return Token(settings.token.get_secret_value().strip(), settings.api_url)
    if settings.app_id and settings.app_key:
        return App(settings.app_id.strip(), settings.app_key.get_secret_value(), settings.api_url)
    return None


def requested(method: Literal["GET", "POST"], url: str, authorization: str) -> Exchange[Response]:
    """Make a request about the account or app itself. It has no side effects that matter here."""
    request = Request(method=method, url=url, headers={**HEADERS, "authorization": authorization})
    return (yield from harmless(request))
