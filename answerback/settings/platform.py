"""The base of every platform's settings."""

from __future__ import annotations

from secrets import token_hex
from typing import ClassVar

from pydantic import Field

from answerback.settings.variables import Secrets, Variables

SHORTEST_SECRET = 16
"""Characters: a shorter secret can be guessed offline from a single signed webhook."""


class PlatformSettings(Variables):
    """The environment variables of one platform. A subclass declares all of them, `secrets` included.

    A variable for secrets may hold several, separated by commas, so that secrets can be rotated without downtime: a
    signature made with any of them is valid. "\\," is a literal comma.
    """

    generator: ClassVar[str] = "openssl rand -hex 32"
    """A command that prints a random webhook secret in the platform's form."""

    secrets: Secrets = Field([])

    def guessable(self) -> bool:
        """Return whether one of the secrets is short enough to be guessed."""
        return any(len(secret.get_secret_value()) < SHORTEST_SECRET for secret in self.secrets)

    @classmethod
    def new_secret(cls) -> str:
        """Return a random webhook secret in the platform's form."""
        return token_hex(32)
