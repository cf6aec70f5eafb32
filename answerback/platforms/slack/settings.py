"""Slack's settings."""

from __future__ import annotations

from pydantic import Field, SecretStr

from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import HttpUrl, Secrets


class SlackSettings(PlatformSettings):
    """The app's signing secret and its bot token."""

    secrets: Secrets = Field([], alias="SLACK_SIGNING_SECRET", description="signing secret(s) of the Slack app")
    token: SecretStr | None = Field(
        None, alias="SLACK_BOT_TOKEN", description="bot token used to post messages (xoxb-…)"
    )
    api_url: HttpUrl = Field(
        "https://slack.com/api", alias="SLACK_API_URL", description="base URL of the Slack API; for tests and gateways"
    )
