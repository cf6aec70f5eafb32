"""What a bot is set up with: its webhook and its commands. Bots themselves are made by talking to @BotFather.

https://core.telegram.org/bots/api#setwebhook, https://core.telegram.org/bots/api#setmycommands
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from answerback.platforms.manifest import AppRequest, Feature, ManifestSupport

_COMMAND = re.compile(r"/[a-z0-9_]{1,32}", re.ASCII)
_ALWAYS = {
    "message": "to be written to",
    "edited_message": "to see edits",
    "my_chat_member": "to see that it is blocked",
}
_BUSINESS = ("business_connection", "business_message", "edited_business_message", "deleted_business_messages")
_CHANNELS = ("channel_post", "edited_channel_post")
_GRANTS: Mapping[Feature, Mapping[str, str]] = {
    "actions": {"callback_query": "for buttons"},
    "reactions": {"message_reaction": "to see reactions"},
}


def document(app: AppRequest) -> Mapping[str, object]:
    """Return the arguments of `setWebhook` and `setMyCommands`."""
    if not app.url.startswith("https://"):
        raise ValueError(
            "Telegram sends updates to an https URL: give it with --url. Without one, set TELEGRAM_POLL=true: then "
            "there is nothing to set up"
        )
    for command in app.commands:
        if not _COMMAND.fullmatch(command):
            raise ValueError(
                f"{command} is not a Telegram command: a /, then lower-case letters, digits and _, at most 32"
            )
    wanted = {*grants(app.features), *_BUSINESS, *(_CHANNELS if "messages" in app.features else ())}
    return {
        "setWebhook": {
            "url": f"{app.url}/webhooks/telegram",
            "allowed_updates": sorted(wanted),
            "max_connections": 40,
        },
        "setMyCommands": {
            "commands": [{"command": each[1:], "description": f"Ask {app.name}"[:256]} for each in app.commands]
        },
    }


def link(app: AppRequest) -> str:
    """Return the chat in which a bot is made."""
    return "https://t.me/BotFather?start=newbot"


def grants(features: frozenset[Feature]) -> Mapping[str, str]:
    """Return the kinds of updates that are needed."""
    chosen = [words for feature, words in _GRANTS.items() if feature in features]
    return {name: purpose for each in (_ALWAYS, *chosen) for name, purpose in each.items()}


BOT = ManifestSupport(
    document, link, grants,
    repair="call setWebhook again with the allowed_updates that `answerback manifest telegram` prints",
)  # fmt: skip
