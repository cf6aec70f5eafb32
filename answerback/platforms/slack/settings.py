"""Slack's settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import HttpUrl, Secrets, split_at_commas


def _scope(value: str) -> str:
    if not re.fullmatch(r"[a-z_.:]+", value):
        raise ValueError(f'"{value}" is not a scope, such as chat:write')
    return value


Scopes = Annotated[list[Annotated[str, AfterValidator(_scope)]], BeforeValidator(split_at_commas)]
SCOPES = (
    "app_mentions:read,channels:history,channels:read,chat:write,files:read,files:write,groups:history,groups:read,"
    "im:history,mpim:history,users:read"
)
"""What an installation asks for by default: to read messages, files and names, and to reply."""


class SlackSettings(PlatformSettings):
    """The app's signing secret and its bot token."""

    secrets: Secrets = Field([], alias="SLACK_SIGNING_SECRET", description="signing secret(s) of the Slack app")
    token: SecretStr | None = Field(
        None, alias="SLACK_BOT_TOKEN", description="bot token used to post messages (xoxb-…)"
    )
    app_token: SecretStr | None = Field(
        None, alias="SLACK_APP_TOKEN", description="app-level token (xapp-…): workers read events in Socket Mode"
    )
    client_id: str | None = Field(
        None, alias="SLACK_CLIENT_ID", description="client id of the Slack app, to install it in other workspaces"
    )
    client_secret: SecretStr | None = Field(
        None, alias="SLACK_CLIENT_SECRET", description="client secret of the Slack app"
    )
    scopes: Scopes = Field(
        SCOPES,
        validate_default=True,
        alias="SLACK_SCOPES",
        description="scopes that an installation asks for, separated by commas",
    )
    authorize_url: HttpUrl = Field(
        "https://slack.com/oauth/v2/authorize",
        alias="SLACK_AUTHORIZE_URL",
        description="page on which people agree to an installation; for tests and GovSlack",
    )
    catch_up: bool = Field(
        False,
        alias="SLACK_CATCH_UP",
        description="workers read channels every five minutes for messages that ingress missed",
    )
    api_url: HttpUrl = Field(
        "https://slack.com/api", alias="SLACK_API_URL", description="base URL of the Slack API; for tests and gateways"
    )
