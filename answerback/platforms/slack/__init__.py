"""Slack: messages in channels and direct messages, in threads. `webhook` parses them, `api` posts replies.

https://docs.slack.dev/apis/events-api/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from answerback.platforms.catchup import CatchupSupport
from answerback.platforms.install import InstallSupport
from answerback.platforms.reading import ReaderSupport
from answerback.platforms.slack.manifest import APP
from answerback.platforms.slack.sending import complete
from answerback.platforms.slack.settings import SlackSettings
from answerback.platforms.slack.signature import sign, verify
from answerback.platforms.slack.webhook import parse

if TYPE_CHECKING:
    from answerback.accounts import Account
    from answerback.platforms import Client, SendOption
    from answerback.platforms.catchup import MessageLog
    from answerback.platforms.install import Installer
    from answerback.platforms.manifest import ManifestSupport
    from answerback.platforms.reading import Reader
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "CATCHUP", "CREDENTIAL", "HEADERS", "INAPPLICABLE", "INSTALL", "MANIFEST", "NAME", "READER", "SECRET",
    "SETTINGS", "TITLE", "client", "complete", "parse", "sign", "verify",
]  # fmt: skip

NAME = "slack"
TITLE = "Slack"
SETTINGS: type[PlatformSettings] = SlackSettings
SECRET = "SLACK_SIGNING_SECRET"
CREDENTIAL = "Set SLACK_BOT_TOKEN."
HEADERS: tuple[str, ...] = ("x-slack-signature", "x-slack-request-timestamp")
MANIFEST: ManifestSupport | None = APP
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "the payload names its event",
    "delivery": "the message identifies the delivery",
}


def _messages(client: Client) -> MessageLog | None:
    from answerback.platforms.slack.api import Slack

    return client.messages if isinstance(client, Slack) else None


CATCHUP: CatchupSupport | None = CatchupSupport(
    "SLACK_CATCH_UP", lambda settings: settings.of(SlackSettings).catch_up, _messages
)


def _installer(settings: Settings) -> Installer | None:
    from answerback.platforms.slack.install import SlackInstaller

    own = settings.of(SlackSettings)
    if not own.client_id or not own.client_secret:
        return None
    secret = own.client_secret.get_secret_value()
    return SlackInstaller(own.client_id, secret, own.scopes, own.api_url, own.authorize_url)


def _client_of(settings: Settings, account: Account) -> Client:
    from answerback.platforms.slack.api import Slack

    own = settings.of(SlackSettings)
    return Slack(account.token, own.api_url, groups=settings.reply_group_mentions, account=account.id)


INSTALL: InstallSupport | None = InstallSupport(
    variables="Set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET, ANSWERBACK_SECRET_KEY and PUBLIC_URL.",
    installer=_installer,
    client=_client_of,
)


def client(settings: Settings) -> Client | None:
    """Return a client for SLACK_BOT_TOKEN; None without it."""
    from answerback.platforms.slack.api import Slack

    own = settings.of(SlackSettings)
    if not own.token:
        return None
    return Slack(own.token.get_secret_value().strip(), own.api_url, groups=settings.reply_group_mentions)


def _connections(settings: Settings) -> Sequence[str]:
    return ["socket"] if settings.of(SlackSettings).app_token else []


def _reader(settings: Settings, connection: str) -> Reader:
    from answerback.platforms.slack.socket import SocketReader

    own = settings.of(SlackSettings)
    assert own.app_token
    return SocketReader(own.app_token.get_secret_value().strip(), own.api_url)


READER: ReaderSupport | None = ReaderSupport(_connections, _reader)
