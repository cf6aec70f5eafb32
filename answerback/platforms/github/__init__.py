"""GitHub: comments on issues, pull requests, reviews and discussions. `webhook` parses them, `api` posts replies.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from answerback.platforms.github.manifest import APP
from answerback.platforms.github.sending import complete
from answerback.platforms.github.settings import GitHubSettings
from answerback.platforms.github.signature import sign, verify
from answerback.platforms.github.webhook import parse
from answerback.platforms.install import InstallSupport
from answerback.platforms.redelivery import DeliveryLog, RedeliverySupport

if TYPE_CHECKING:
    from answerback.platforms import Client
    from answerback.platforms.manifest import ManifestSupport
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "CREDENTIAL", "HEADERS", "INSTALL", "MANIFEST", "MARKDOWN", "NAME", "REDELIVERY", "SECRET", "SETTINGS", "TITLE",
    "client", "complete", "parse", "sign", "verify",
]  # fmt: skip

NAME = "github"
TITLE = "GitHub"
SETTINGS: type[PlatformSettings] = GitHubSettings
SECRET = "GITHUB_WEBHOOK_SECRET"
CREDENTIAL = "Set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY."
HEADERS: tuple[str, ...] = ("x-hub-signature-256", "x-github-event", "x-github-delivery")
INSTALL: InstallSupport | None = InstallSupport(
    variables="Set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY: the app's key opens all its installations.",
    installer=lambda settings: None,  # people install the app on its page at GitHub
    client=None,
)
MANIFEST: ManifestSupport | None = APP
MARKDOWN = True


def client(settings: Settings) -> Client | None:
    """Return a client for GITHUB_TOKEN or for the GitHub App; None without either.

    Raises `ConfigurationError` if the app's private key cannot be used.
    """
    # Imported here because ingress does not need the app's cryptography.
    from answerback.platforms.github.api import GitHub
    from answerback.platforms.github.credential import configured

    own = settings.of(GitHubSettings)
    credential = configured(own)
    if credential is None:
        return None
    return GitHub(credential, own.api_url, teams=settings.reply_group_mentions)


def _hooks(settings: Settings) -> Sequence[str]:
    return settings.of(GitHubSettings).redeliver


def _log(settings: Settings) -> DeliveryLog | None:
    from answerback.platforms.github.deliveries import deliveries

    return deliveries(settings.of(GitHubSettings))


REDELIVERY: RedeliverySupport | None = RedeliverySupport(
    variable="GITHUB_REDELIVER",
    names="app (for a GitHub App), OWNER/REPO/hooks/ID or ORG/hooks/ID. The id is the last part of the URL of the "
    "webhook's page on GitHub",
    hooks=_hooks,
    log=_log,
)
