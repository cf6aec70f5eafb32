"""Slack: messages in channels and direct messages, in threads. `webhook` parses them, `api` posts replies.

https://docs.slack.dev/apis/events-api/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from answerback.platforms.slack.sending import complete
from answerback.platforms.slack.settings import SlackSettings
from answerback.platforms.slack.signature import sign, verify
from answerback.platforms.slack.webhook import parse

if TYPE_CHECKING:
    from answerback.platforms import Client, KeySource, SendOption
    from answerback.platforms.redelivery import RedeliverySupport
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "CREDENTIAL", "CREDENTIAL_OPTIONAL", "HEADERS", "INAPPLICABLE", "KEYS", "MARKDOWN", "METHODS", "NAME", "REDELIVERY",
    "SECRET", "SETTINGS", "TITLE", "client", "complete", "parse", "sign", "verify",
]  # fmt: skip

NAME = "slack"
TITLE = "Slack"
SETTINGS: type[PlatformSettings] = SlackSettings
SECRET = "SLACK_SIGNING_SECRET"
CREDENTIAL = "Set SLACK_BOT_TOKEN."
CREDENTIAL_OPTIONAL = False
METHODS: tuple[str, ...] = ("POST",)
HEADERS: tuple[str, ...] = ("x-slack-signature", "x-slack-request-timestamp")
KEYS: KeySource | None = None
MARKDOWN = False
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "the payload names its event",
    "delivery": "the message identifies the delivery",
}
REDELIVERY: RedeliverySupport | None = None


def client(settings: Settings) -> Client | None:
    """Return a client for SLACK_BOT_TOKEN; None without it."""
    from answerback.platforms.slack.api import Slack

    own = settings.of(SlackSettings)
    if not own.token:
        return None
    return Slack(own.token.get_secret_value().strip(), own.api_url, groups=settings.reply_group_mentions)
