"""Twilio's settings: one account or several, each with its auth token and perhaps an API key."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import Annotated, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from answerback.settings.platform import SHORTEST_SECRET, PlatformSettings
from answerback.settings.variables import HttpUrl, split_at_commas

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}", re.ASCII)
TEMPLATE = re.compile(r"HX[0-9a-fA-F]{32}", re.ASCII)
_OWNED = re.compile(r"(AC[0-9a-fA-F]{32}):(.+)", re.ASCII | re.DOTALL)
_KEY = re.compile(r"(?:(AC[0-9a-fA-F]{32}):)?(SK[0-9a-fA-F]{32}):(.+)", re.ASCII | re.DOTALL)


def owned(secret: str) -> tuple[str, str]:
    """Return the account that an auth token is said to belong to, "" if none is named, and the token."""
    found = _OWNED.fullmatch(secret)
    return (found[1], found[2]) if found else ("", secret)


def _account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise ValueError("must be an account SID: AC and 32 hexadecimal digits")
    return value


def _template(value: str) -> str:
    if not TEMPLATE.fullmatch(value):
        raise ValueError("must be the SID of a content template: HX and 32 hexadecimal digits")
    return value


def _key(value: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(value.get_secret_value()):
        # Without the value: it may be part of a secret.
        raise ValueError("must be SK…:secret, or AC…:SK…:secret for a further account") from None
    return value


Tokens = Annotated[list[SecretStr], BeforeValidator(split_at_commas)]
ApiKeys = Annotated[list[Annotated[SecretStr, AfterValidator(_key)]], BeforeValidator(split_at_commas)]


class Credential(NamedTuple):
    """User and password of HTTP basic authentication: an account with its auth token, or an API key."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credential({self.user})"


class TwilioSettings(PlatformSettings):
    """The auth tokens of accounts, which sign webhooks, and what replies are sent with."""

    generator: ClassVar[str] = "openssl rand -hex 16"

    secrets: Tokens = Field(
        [],
        alias="TWILIO_AUTH_TOKEN",
        description="auth token(s) of the Twilio account; AC…:token of a further account",
    )
    account: Annotated[str, AfterValidator(_account)] | None = Field(
        None, alias="TWILIO_ACCOUNT_SID", description="SID of the Twilio account (AC…) that replies are sent with"
    )
    api_keys: ApiKeys = Field(
        [],
        alias="TWILIO_API_KEY",
        description="API key to send with instead of the auth token, SK…:secret; AC…:SK…:secret of a further account",
    )
    whatsapp_template: Annotated[str, AfterValidator(_template)] | None = Field(
        None,
        alias="TWILIO_WHATSAPP_TEMPLATE",
        description="content template (HX…) with one variable, for WhatsApp replies after more than 24 hours",
    )
    rate: float | None = Field(
        None,
        gt=0,
        alias="TWILIO_MESSAGES_PER_SECOND",
        description="messages a second that each number is given; unset: as many as there are, which Twilio queues",
    )
    api_url: HttpUrl = Field(
        "https://api.twilio.com",
        alias="TWILIO_API_URL",
        description="base URL of Twilio's API; for other regions and for tests",
    )

    @model_validator(mode="after")
    def _keys_have_accounts(self) -> Self:
        if self.account is None and any(not owner for owner, _ in self._keys()):
            raise ValueError("TWILIO_API_KEY needs TWILIO_ACCOUNT_SID: an API key does not name its account")
        return self

    def credentials(self) -> dict[str, Credential]:
        """Return what replies of each account are sent with; first comes the one that stands for all others."""
        found: dict[str, Credential] = {}
        for owner, key in self._keys():
            found.setdefault(owner or self.account or "", key)
        for secret in self.secrets:
            owner, token = owned(secret.get_secret_value().strip())
            if account := owner or self.account:
                found.setdefault(account, Credential(account, token))
        main = self.account if self.account in found else next(iter(found), "")
        return {account: found[account] for account in sorted(found, key=lambda each: each != main)}

    def guessable(self) -> bool:
        return any(len(owned(secret.get_secret_value())[1]) < SHORTEST_SECRET for secret in self.secrets)

    @classmethod
    def new_secret(cls) -> str:
        return token_hex(16)

    def _keys(self) -> list[tuple[str, Credential]]:
        found = [_KEY.fullmatch(key.get_secret_value()) for key in self.api_keys]
        return [(key[1] or "", Credential(key[2], key[3])) for key in found if key]
