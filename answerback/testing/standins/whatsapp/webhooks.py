"""WhatsApp's webhooks, built and signed.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from answerback.testing.standins import signatures
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json


def new_id() -> str:
    """Return the id of a message, as WhatsApp makes them."""
    return f"wamid.{base64.b64encode(os.urandom(30)).decode()}"


@dataclass(frozen=True, kw_only=True)
class WhatsApp:
    """A person who writes to a business number. Each method returns the webhook of one thing that they do.

    Attributes:
        number: The id of the business number; `display`: the number itself.
        phone: The person's phone number; "" for one who hides it.
        user: Their business-scoped id; "" as in webhooks before April 2026.
    """

    number: str = Options.whatsapp_number
    display: str = Options.whatsapp_display
    account: str = "102290129340398"
    phone: str = "16505551234"
    user: str | None = None
    name: str = "Ada Lovelace"
    secret: str = Options.whatsapp_secret

    @property
    def user_id(self) -> str:
        """Their business-scoped id."""
        return f"US.1{self.phone}" if self.user is None else self.user

    def text(self, body: str = "Hello", *, id: str | None = None, at: float | None = None, **more: Any) -> Delivery:
        """A text. `more`: context, group_id, referral …"""
        return self.message("text", {"body": body}, id=id, at=at, **more)

    def message(
        self, type: str, content: Any = None, *, id: str | None = None, at: float | None = None, **more: Any
    ) -> Delivery:
        """A message of any type, with the content that belongs to it."""
        return self.change({"contacts": [self.contact], "messages": [self.said(type, content, id=id, at=at, **more)]})

    def said(
        self, type: str, content: Any = None, *, id: str | None = None, at: float | None = None, **more: Any
    ) -> Json:
        """Return a message as it stands in a webhook."""
        whom = {"from": self.phone} if self.phone else {}
        whom |= {"from_user_id": self.user_id} if self.user_id else {}
        body = {"id": id or new_id(), "timestamp": str(int(at or time.time())), "type": type}
        return whom | body | ({} if content is None else {type: content}) | more

    @property
    def contact(self) -> Json:
        """Who they are, as it stands beside each message."""
        found: Json = {"profile": {"name": self.name}}
        found |= {"wa_id": self.phone} if self.phone else {}
        return found | ({"user_id": self.user_id} if self.user_id else {})

    def pressed(self, id: str, title: str, *, of: str, row: bool = False, by: str | None = None) -> Delivery:
        """A button or the row of a menu, of the message `of`. `by`: the id of the event."""
        kind = "list_reply" if row else "button_reply"
        given = {"type": kind, kind: {"id": id, "title": title}}
        return self.message("interactive", given, id=by, context={"from": self.display, "id": of})

    def reaction(self, emoji: str, *, of: str) -> Delivery:
        """A reaction to a message; "": taken back."""
        return self.message("reaction", {"message_id": of} | ({"emoji": emoji} if emoji else {}))

    def edited(self, body: str, *, of: str) -> Delivery:
        """An edit of their message."""
        new = {"context": {}, "type": "text", "text": {"body": body}}
        return self.message("edit", {"original_message_id": of, "message": new})

    def revoked(self, *, of: str) -> Delivery:
        """The deletion of their message."""
        return self.message("revoke", {"original_message_id": of})

    def new_number(self, phone: str, user: str = "") -> Delivery:
        """They have another phone number, and another id."""
        fields = {"body": "changed their number", "wa_id": phone, "type": "user_changed_number"}
        return self.message("system", fields | ({"user_id": user} if user else {}))

    def new_user_id(self, user: str) -> Delivery:
        """They have another business-scoped id."""
        update = {"wa_id": self.phone, "user_id": {"previous": self.user_id, "current": user}}
        stamp = {"detail": "The user's id has changed", "timestamp": str(int(time.time()))}
        return self.change({"contacts": [self.contact], "user_id_update": [update | stamp]}, "user_id_update")

    def echo(self, type: str = "text", content: Any = None, *, id: str | None = None) -> Delivery:
        """Something that a person of the business did in the WhatsApp Business app."""
        body = {"from": self.display, "to": f"+{self.phone}", "id": id or new_id(), "timestamp": str(int(time.time()))}
        content = {"body": "I am taking care of it."} if content is None else content
        echoes = {"contacts": [self.contact], "message_echoes": [body | {"type": type, type: content}]}
        return self.change(echoes, "smb_message_echoes")

    def statuses(self, *statuses: Json) -> Delivery:
        """What became of messages: see `status`."""
        return self.change({"contacts": [self.contact], "statuses": list(statuses)})

    def status(self, id: str, state: str, data: str = "", errors: Sequence[Json] = ()) -> Json:
        """Return what became of one message of the business. `data`: what was sent with it."""
        found: Json = {"id": id, "status": state, "timestamp": str(int(time.time()))}
        found |= {"recipient_id": self.phone} if self.phone else {}
        found |= {"recipient_user_id": self.user_id} if self.user_id else {}
        found |= {"biz_opaque_callback_data": data} if data else {}
        pricing = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "free_customer_service"}
        return found | ({"errors": list(errors)} if errors else {"pricing": pricing})

    def change(self, value: Json, field: str = "messages") -> Delivery:
        """A webhook with one change."""
        metadata = {"display_phone_number": self.display, "phone_number_id": self.number}
        whole = {"value": {"messaging_product": "whatsapp", "metadata": metadata} | value, "field": field}
        return self.signed([whole])

    def signed(self, changes: list[Json]) -> Delivery:
        """A webhook with these changes."""
        entry = {"id": self.account, "changes": changes}
        # Meta escapes what is not ASCII, and slashes: what is signed is what is sent.
        text = msgspec.json.encode({"object": "whatsapp_business_account", "entry": [entry]}).decode()
        body = "".join(each if each.isascii() else _escaped(each) for each in text).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signatures.github(self.secret, body),
        }
        return Delivery(headers, body, new_id())


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
