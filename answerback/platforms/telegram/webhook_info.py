"""What Telegram says of our webhooks: https://core.telegram.org/bots/api#getwebhookinfo"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from answerback.platforms import Exchange
from answerback.platforms.decoding import Spare
from answerback.platforms.telegram.calls import Calls

BACKLOG = 100
"""Updates that wait at Telegram, from which on it is said."""
RECENT = 3600.0
"""Seconds for which an error of the past is worth a word."""
_DEFAULT = frozenset({
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
    "edited_business_message", "deleted_business_messages", "callback_query", "my_chat_member",
})  # fmt: skip
"""What is sent if `allowed_updates` is empty: everything but reactions and some others."""


class WebhookInfo(msgspec.Struct):
    url: Spare[str] = None
    pending_update_count: Spare[int] = None
    last_error_date: Spare[int] = None
    last_error_message: Spare[str] = None
    allowed_updates: Spare[list[str]] = None


class _Told(msgspec.Struct):
    result: WebhookInfo


_told = msgspec.json.Decoder(_Told)


def webhook_info(calls: Calls, account: str) -> Exchange[WebhookInfo]:
    """Return what Telegram says of a bot's webhook."""
    return (yield from calls.read(account, "getWebhookInfo", _told, "asking about the webhook")).result


def allowed(info: WebhookInfo) -> frozenset[str]:
    """Return the kinds of updates that the webhook is sent."""
    return frozenset(info.allowed_updates) if info.allowed_updates else _DEFAULT


def concerns(bot: str, info: WebhookInfo, *, polls: bool, now: float) -> Iterator[str]:
    """Yield what is wrong with the webhook of a bot."""
    if polls and info.url:
        yield (
            f"bot {bot}: a webhook is set ({info.url[:200]}), so that TELEGRAM_POLL gets nothing: "
            "call deleteWebhook, or unset TELEGRAM_POLL"
        )
    if not polls and not info.url:
        yield f"bot {bot}: no webhook is set: see `answerback manifest telegram`, or set TELEGRAM_POLL=true"
    if (count := info.pending_update_count or 0) > BACKLOG:
        yield f"bot {bot}: {count} updates wait at Telegram"
    if not polls and info.last_error_message and now - (info.last_error_date or 0) < RECENT:
        when = datetime.fromtimestamp(info.last_error_date or 0, UTC)
        yield f"bot {bot}: Telegram could not deliver ({when:%H:%M} UTC): {info.last_error_message[:300]}"
