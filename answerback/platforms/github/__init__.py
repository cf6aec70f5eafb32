"""GitHub: comments on issues, pull requests, reviews and discussions. `webhook` reads them, `api` answers them.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from answerback.platforms.github.webhook import parse, verify

if TYPE_CHECKING:
    from answerback.platforms import Client
    from answerback.settings import Settings

__all__ = ["NAME", "SECRET", "client", "parse", "verify"]

NAME = "github"
SECRET = "GITHUB_WEBHOOK_SECRET"


def client(settings: Settings) -> Client | None:
    """A client for GITHUB_TOKEN or for the GitHub App; None with neither.

    Raises `ConfigurationError` when the app's private key cannot be used.
    """
    # Imported here, because ingress has no use for what signs as an app.
    from answerback.platforms.github.api import GitHub
    from answerback.platforms.github.credential import App, Token

    api = settings.github_api_url
    if settings.github_token:
        return GitHub(Token(settings.github_token.get_secret_value().strip(), api), api)
    if settings.github_app_id and settings.github_app_key:
        return GitHub(App(settings.github_app_id.strip(), settings.github_app_key.get_secret_value(), api), api)
    return None
