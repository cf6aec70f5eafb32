"""Telegram: messages to bots, in private chats, groups and topics. `webhook` parses updates, `api` posts replies.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from answerback.platforms.reading import ReaderSupport
from answerback.platforms.telegram.manifest import BOT
from answerback.platforms.telegram.settings import TelegramSettings
from answerback.platforms.telegram.signature import HEADER, sign, verify
from answerback.platforms.telegram.webhook import parse

if TYPE_CHECKING:
    from answerback.platforms import Client, SendOption
    from answerback.platforms.manifest import ManifestSupport
    from answerback.platforms.reading import Poller
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "CREDENTIAL", "HEADERS", "INAPPLICABLE", "MANIFEST", "NAME", "READER", "SECRET", "SETTINGS", "TITLE", "client",
    "parse", "sign", "verify",
]  # fmt: skip

NAME = "telegram"
TITLE = "Telegram"
SETTINGS: type[PlatformSettings] = TelegramSettings
SECRET = "TELEGRAM_WEBHOOK_SECRET"
CREDENTIAL = "Set TELEGRAM_BOT_TOKEN."
HEADERS: tuple[str, ...] = (HEADER,)
MANIFEST: ManifestSupport | None = BOT
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "the update says what it is",
    "delivery": "the update identifies the delivery",
}


def client(settings: Settings) -> Client | None:
    """Return a client for the bots of TELEGRAM_BOT_TOKEN; None without it."""
    from answerback.platforms.telegram.api import Telegram

    own = settings.of(TelegramSettings)
    return Telegram(own.bots, own.api_url, polls=own.poll) if own.tokens else None


def _connections(settings: Settings) -> Sequence[str]:
    own = settings.of(TelegramSettings)
    return [account or "updates" for account in own.bots] if own.poll else []


def _reader(settings: Settings, connection: str) -> Poller:
    from answerback.platforms.telegram.calls import Calls
    from answerback.platforms.telegram.polling import UpdateReader

    own = settings.of(TelegramSettings)
    return UpdateReader(Calls(own.bots, own.api_url), "" if connection == "updates" else connection)


READER: ReaderSupport | None = ReaderSupport(_connections, _reader)
