"""WhatsApp's settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import HttpUrl, Secrets, split_at_commas

_NUMBERED = re.compile(r"([0-9]{5,32})=(.+)", re.ASCII)


def _template(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]{1,512}/[a-z]{2,3}(?:_[A-Z]{2})?", value, re.ASCII):
        raise ValueError('must be a name and a language, such as "answer_ready/en_US"')
    return value


Tokens = Annotated[list[SecretStr], BeforeValidator(split_at_commas)]
Template = Annotated[str, AfterValidator(_template)]


class WhatsAppSettings(PlatformSettings):
    """The app's secret, the token of its webhook's confirmation, and the access tokens of its numbers."""

    secrets: Secrets = Field([], alias="WHATSAPP_APP_SECRET", description="secret(s) of the Meta app")
    verify_token: Secrets = Field(
        [], alias="WHATSAPP_VERIFY_TOKEN", description="verify token(s) that Meta is given with the webhook's URL"
    )
    token: Tokens = Field(
        [],
        alias="WHATSAPP_TOKEN",
        description="access token used to post messages; several as NUMBER_ID=TOKEN, separated by commas",
    )
    template: Template | None = Field(
        None,
        alias="WHATSAPP_TEMPLATE",
        description="NAME/LANGUAGE of an approved template with one variable, for replies after the 24-hour window",
    )
    rate: int = Field(
        80,
        ge=1,
        alias="WHATSAPP_MESSAGES_PER_SECOND",
        description="messages a second that a number may send; 20 if it is used in the WhatsApp Business app, too",
    )
    api_url: HttpUrl = Field(
        "https://graph.facebook.com/v25.0",
        alias="WHATSAPP_API_URL",
        description="base URL of the Graph API with its version; for tests and gateways",
    )

    @property
    def tokens(self) -> Mapping[str, str]:
        """The access tokens by the id of their phone number; "" is that of all others."""
        found: dict[str, str] = {}
        for each in self.token:
            value = each.get_secret_value()
            numbered = _NUMBERED.fullmatch(value)
            found[numbered[1] if numbered else ""] = numbered[2] if numbered else value
        return found

    def secret_values(self) -> Iterator[str]:
        """Return the values that must not be shown, each token also without its number."""
        yield from super().secret_values()
        yield from self.tokens.values()
