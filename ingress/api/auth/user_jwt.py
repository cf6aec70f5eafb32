"""JSON Web Tokens of the product's own issuer: each names a user of a workspace (RFC 7519).

The product's server signs them with its own key, which no process here has if the algorithm is asymmetric. They cannot
be revoked: they should be short-lived.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from answerback.settings import Settings
from answerback.store.access.api_keys import WORKSPACE
from answerback.store.access.user_tokens import LONGEST_USER

LEEWAY = 10
"""Seconds by which the clocks of the issuer and of this process may differ."""
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class User(NamedTuple):
    """A user of a workspace."""

    workspace: str
    id: str


class InvalidJwt(Exception):
    """The JWT is not accepted; the text says why."""


class UserJwts:
    """Verify the JWTs of one issuer. Without `USER_JWT_KEY`, none is accepted."""

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.user_jwt_keys
        self._issuer = settings.user_jwt_issuer or ""
        self._audience = settings.user_jwt_audience or ""
        self._workspace = settings.user_jwt_workspace
        self._claim = settings.user_jwt_workspace_claim or ""

    @staticmethod
    def matches(text: str) -> bool:
        """Return whether a text has the form of a JWT."""
        return _FORM.fullmatch(text) is not None

    def verify(self, text: str) -> User:
        """Return the user that a JWT names. Raises `InvalidJwt`."""
        if not self._keys:
            raise InvalidJwt("this server accepts no JWTs: USER_JWT_KEY is not set")
        claims = self._claims(text)
        user, workspace = claims["sub"], claims[self._claim] if self._claim else self._workspace
        if not isinstance(user, str) or not 0 < len(user) <= LONGEST_USER:
            raise InvalidJwt(f'the JWT\'s claim "sub" must have 1 to {LONGEST_USER} characters')
        if not isinstance(workspace, str) or not WORKSPACE.fullmatch(workspace):
            raise InvalidJwt(f'the JWT\'s claim "{self._claim}" must be the name of a workspace')
        return User(workspace, user)

    def _claims(self, text: str) -> dict[str, Any]:
        # Loaded here: most deployments have no JWTs.
        import jwt

        why = "its algorithm is not one of the configured keys"
        try:
            algorithm = jwt.get_unverified_header(text).get("alg")
            # The algorithms are those of the key: a public key must never be used as a shared secret.
            for each in (key for key in self._keys if algorithm in key.algorithms):
                try:
                    return jwt.decode(
                        text,
                        each.key,
                        algorithms=list(each.algorithms),
                        issuer=self._issuer,
                        audience=self._audience,
                        leeway=LEEWAY,
                        options={"require": ["exp", "sub", "iss", "aud", *([self._claim] if self._claim else [])]},
                    )
                except jwt.InvalidSignatureError:
                    why = "its signature is not of the configured key"
        except jwt.ExpiredSignatureError:
            why = "it has expired"
        except jwt.PyJWTError as error:
            why = str(error)
        raise InvalidJwt(f"the JWT is not accepted: {why}")
