"""The settings of Standard Webhooks."""

from __future__ import annotations

import base64
import re
from secrets import token_bytes
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from answerback.platforms.standard import keys
from answerback.settings.platform import SHORTEST_SECRET, PlatformSettings
from answerback.settings.variables import HttpUrl, split_at_commas


def _keys(value: object) -> object:
    # Some providers show a secret with its signature version in front: "v1,whsec_…".
    return split_at_commas(re.sub(r"\bv1a?,\s*(?=wh(?:sec|pk|sk)_)", "", value) if isinstance(value, str) else value)


def _key(value: SecretStr) -> SecretStr:
    try:
        keys.read(value.get_secret_value())
    except ValueError:
        # Drop the cause: it may quote part of the secret.
        raise ValueError(
            'must be "whsec_" followed by base64, for example whsec_$(openssl rand -base64 24), '
            'or a sender\'s public key: "whpk_" followed by its 32 bytes in base64'
        ) from None
    return value


Keys = Annotated[list[Annotated[SecretStr, AfterValidator(_key)]], BeforeValidator(_keys)]


class StandardSettings(PlatformSettings):
    """The keys of both directions, and the URL that replies are sent to."""

    generator: ClassVar[str] = 'echo "whsec_$(openssl rand -base64 24)"'

    secrets: Keys = Field(
        [],
        alias="STANDARD_WEBHOOKS_SECRET",
        description="Standard Webhooks secret(s), whsec_…, or a sender's public key(s), whpk_…",
    )
    reply_url: HttpUrl | None = Field(
        None,
        alias="STANDARD_WEBHOOKS_REPLY_URL",
        description="URL that replies are sent to; unset: they are only kept in the thread",
    )

    @model_validator(mode="after")
    def _replies_can_be_signed(self) -> Self:
        if self.reply_url and self.secrets and self.signing_key() is None:
            raise ValueError(
                "STANDARD_WEBHOOKS_REPLY_URL needs a secret to sign replies with, and a public key cannot sign: "
                "add a whsec_… or whsk_… key to STANDARD_WEBHOOKS_SECRET"
            )
        return self

    def signing_key(self) -> str | None:
        """Return the first key that can sign; None without one."""
        return next((key for key in (secret.get_secret_value() for secret in self.secrets) if keys.signs(key)), None)

    def guessable(self) -> bool:
        return any(
            len(secret.get_secret_value().removeprefix(keys.SHARED)) < SHORTEST_SECRET for secret in self.secrets
        )

    @classmethod
    def new_secret(cls) -> str:
        return f"{keys.SHARED}{base64.b64encode(token_bytes(24)).decode()}"
