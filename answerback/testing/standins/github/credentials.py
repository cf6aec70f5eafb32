"""GitHub's callers: a machine user by a token, an app by its JWT, an app's installation by its token."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from answerback.testing.standins.github import app_key, payloads
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.values import Json


@dataclass(frozen=True)
class Actor:
    """An account that can write. `app` and `installation`: of an app."""

    login: str
    id: int
    type: str = "User"
    app: int | None = None
    installation: int | None = None

    def user(self) -> Json:
        """Return it as a user."""
        return payloads.user(self.login, self.id, self.type)

    def via(self) -> Json | None:
        """Return its app, as in `performed_via_github_app`."""
        return None if self.app is None else payloads.app(self.app, self.login.removesuffix("[bot]"))


def failure(status: int, text: str, **more: Any) -> web.Response:
    """Return an error of GitHub."""
    body = {"message": text, **more, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return answer(body, status)


class Credentials:
    """The accepted credentials, and the issued installation tokens."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._issued: dict[str, tuple[Actor, float]] = {}
        self._count = 0
        self.installations: dict[int, Literal["suspended", "deleted"]] = {}

    def reset(self) -> None:
        """Delete the issued tokens."""
        self._issued.clear()
        self.installations.clear()

    def actor(self, request: web.Request) -> Actor:
        """Return the account of a token. Raises `Refusal` for a missing or unknown token."""
        token = _token(request)
        tokens = self._options.github_token.split(",")
        if token == tokens[0]:
            return Actor(self._options.github_login, self._options.github_user_id)
        if token in tokens:
            other = tokens.index(token) + 1
            return Actor(f"{self._options.github_login}{other}", self._options.github_user_id + 1000 * other)
        actor, expires = self._issued.get(token, (None, 0.0))
        if actor is None or time.time() >= expires:
            raise Refusal(failure(401, "Bad credentials"))
        self.check(actor.installation or 0, unknown=401)
        return actor

    def check(self, installation: int, *, unknown: int) -> None:
        """Raise `Refusal` for an installation that was suspended or deleted, with status `unknown` if deleted."""
        match self.installations.get(installation):
            case "suspended":
                raise Refusal(failure(403, "This installation has been suspended"))
            case "deleted":
                raise Refusal(failure(unknown, "Bad credentials" if unknown == 401 else "Not Found"))

    def known(self) -> list[int]:
        """Return the app's installations: that of acme, and any other that was used or suspended."""
        used = {payloads.INSTALLATION, *self.installations}
        used |= {actor.installation for actor, _ in self._issued.values() if actor.installation}
        return sorted(id for id in used if self.installations.get(id) != "deleted")

    def app(self, request: web.Request) -> Json:
        """Return the app of a JWT. Raises `Refusal`."""
        options = self._options
        found = payloads.app(options.github_app_id, options.github_app_slug)
        wrong = app_key.problem(
            _token(request), options.github_app_id, found["client_id"], options.github_app_key, time.time()
        )
        if wrong is not None:
            raise Refusal(failure(401, wrong))
        return found

    def issue(self, installation: int) -> tuple[str, float]:
        """Return a new token of an installation, and when it expires. Raises `Refusal`."""
        self.check(installation, unknown=404)
        self._count += 1
        token = f"ghs_standin{installation}n{self._count:06d}"
        expires = time.time() + self._options.installation_token_seconds
        login, id = f"{self._options.github_app_slug}[bot]", self._options.github_app_user_id
        self._issued[token] = Actor(login, id, "Bot", self._options.github_app_id, installation), expires
        return token, expires


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token:
        raise Refusal(failure(401, "Requires authentication"))
    return token.strip()
