"""GitHub: comments on issues, pull requests, reviews and discussions. `webhook` parses them, `api` posts replies.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from answerback.platforms.github.webhook import parse, verify

if TYPE_CHECKING:
    from answerback.platforms import Client
    from answerback.settings import Settings

__all__ = ["CREDENTIAL", "HEADERS", "NAME", "SECRET", "client", "parse", "verify"]

NAME = "github"
SECRET = "GITHUB_WEBHOOK_SECRET"
CREDENTIAL = "Set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY."
HEADERS: tuple[str, ...] = ("x-hub-signature-256", "x-github-event", "x-github-delivery")


def client(settings: Settings) -> Client | None:
    """Return a client for GITHUB_TOKEN or for the GitHub App; None without either.

    Raises `ConfigurationError` if the app's private key cannot be used.
    """
    # Imported here because ingress does not need the app's cryptography.
    from answerback.platforms.github.api import GitHub
    from answerback.platforms.github.credential import configured

    credential = configured(settings)
    if credential is None:
        return None
    return GitHub(credential, settings.github_api_url, teams=settings.reply_group_mentions)
