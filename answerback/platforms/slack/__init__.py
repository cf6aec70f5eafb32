"""Slack: messages in channels and direct messages, in threads. `webhook` parses them, `api` posts replies.

https://docs.slack.dev/apis/events-api/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from answerback.platforms.slack.webhook import parse, verify

if TYPE_CHECKING:
    from answerback.platforms import Client
    from answerback.settings import Settings

__all__ = ["CREDENTIAL", "HEADERS", "NAME", "SECRET", "client", "parse", "verify"]

NAME = "slack"
SECRET = "SLACK_SIGNING_SECRET"
CREDENTIAL = "Set SLACK_BOT_TOKEN."
HEADERS: tuple[str, ...] = ("x-slack-signature", "x-slack-request-timestamp")


def client(settings: Settings) -> Client | None:
    """Return a client for SLACK_BOT_TOKEN; None without it."""
    from answerback.platforms.slack.api import Slack

    if not settings.slack_token:
        return None
    token, groups = settings.slack_token.get_secret_value().strip(), settings.reply_group_mentions
    return Slack(token, settings.slack_api_url, groups=groups)
