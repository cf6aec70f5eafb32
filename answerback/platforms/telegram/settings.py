"""Telegram's settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import HttpUrl, Secrets, split_at_commas

TOKEN = re.compile(r"([0-9]{1,20}):\S{3,200}", re.ASCII)
"""The form of a bot's token: its id, and a secret."""


def _token(value: SecretStr) -> SecretStr:
    if not TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("is not a bot's token, such as 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw")
    return value


Tokens = Annotated[list[Annotated[SecretStr, AfterValidator(_token)]], BeforeValidator(split_at_commas)]


class TelegramSettings(PlatformSettings):
    """The secret of the webhook, and the tokens of the bots."""

    secrets: Secrets = Field(
        [], alias="TELEGRAM_WEBHOOK_SECRET", description="secret token(s) that the webhook was set with"
    )
    tokens: Tokens = Field(
        [], alias="TELEGRAM_BOT_TOKEN", description="token of the bot; several bots are separated by commas"
    )
    poll: bool = Field(
        False, alias="TELEGRAM_POLL", description="workers ask for updates, so that no public URL is needed"
    )
    api_url: HttpUrl = Field(
        "https://api.telegram.org",
        alias="TELEGRAM_API_URL",
        description="base URL of the Bot API; for a server of your own, and tests",
    )

    @property
    def bots(self) -> dict[str, str]:
        """The tokens by account: "" for the first bot, the id for each further one."""
        tokens = [token.get_secret_value() for token in self.tokens]
        return {id_of(token) if number else "": token for number, token in enumerate(tokens)}


def id_of(token: str) -> str:
    """Return the id of the bot whose token it is."""
    return token.partition(":")[0]
