"""Telegram's updates, built and carrying the secret: https://core.telegram.org/bots/api#update"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.telegram.entities import spoken
from answerback.testing.standins.values import Json

_DEFAULTS = Options()
_updates = itertools.count(700_000_001)
_messages = itertools.count(100_001)


@dataclass(frozen=True, kw_only=True)
class Telegram:
    """A person in a chat. Each method returns the webhook of one thing that they do.

    chat  a person's id for a private chat, or that of a group (negative)
    """

    chat: int = 279058397
    user: int = 279058397
    name: str = "Ada"
    secret: str = _DEFAULTS.telegram_secret

    def message(
        self, text: str = "Hello", *, message_id: int | None = None, update_id: int | None = None, **more: Any
    ) -> Delivery:
        """Write a message; `more` is added to it."""
        return self.update("message", self._message(text, message_id) | more, update_id)

    def edit(self, text: str, *, message_id: int, update_id: int | None = None) -> Delivery:
        """Edit a message."""
        edited = self._message(text, message_id) | {"edit_date": int(time.time())}
        return self.update("edited_message", edited, update_id)

    def press(self, data: str, *, message_id: int, update_id: int | None = None, **more: Any) -> Delivery:
        """Press a button with this data; `more` is added to its message."""
        bot = {"id": int(_DEFAULTS.telegram_token.partition(":")[0]), "is_bot": True, "first_name": "Answerbot"}
        query = {
            "id": str(next(_updates)),
            "from": self.person,
            "message": self._message("?", message_id) | {"from": bot} | more,
            "chat_instance": "1",
            "data": data,
        }
        return self.update("callback_query", query, update_id)

    @property
    def person(self) -> Json:
        """The person as a user."""
        return {"id": self.user, "is_bot": False, "first_name": self.name}

    def update(self, kind: str, content: Json, update_id: int | None = None) -> Delivery:
        """Any update."""
        return signed(self.secret, {"update_id": update_id or next(_updates), kind: content})

    def _message(self, text: str, message_id: int | None) -> Json:
        private = self.chat > 0
        chat: Json = {"id": self.chat, "type": "private" if private else "supergroup"}
        chat |= {"first_name": self.name} if private else {"title": "Widgets"}
        found: Json = {"message_id": message_id or next(_messages), "from": self.person, "chat": chat}
        found |= {"date": int(time.time()), "text": text}
        return found | ({"entities": entities} if (entities := spoken(text)) else {})


def signed(secret: str, update: Json) -> Delivery:
    """Return an update as a webhook."""
    headers = {"Content-Type": "application/json"}
    if secret:
        headers["X-Telegram-Bot-Api-Secret-Token"] = secret
    return Delivery(headers, msgspec.json.encode(update), str(update["update_id"]))
