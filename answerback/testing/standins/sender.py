"""Signed webhooks as the platforms send them, from a few arguments: what a test posts to ingress.

    delivery = GitHub(login="octocat").issue_comment("Hello, @answerbot", number=7)
    await session.post(url, data=delivery.body, headers=delivery.headers)

Defaults are the credentials of `Options`, so that stand-ins started without flags and a webhook made
without arguments belong together.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from answerback.testing.standins import signatures
from answerback.testing.standins.github.webhooks import GitHub
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.webhooks import Slack
from answerback.testing.standins.telegram.webhooks import Telegram
from answerback.testing.standins.twilio.webhooks import Twilio
from answerback.testing.standins.values import Json, moment
from answerback.testing.standins.whatsapp.webhooks import WhatsApp

__all__ = ["Delivery", "GitHub", "Slack", "Standard", "Telegram", "Twilio", "WhatsApp"]


@dataclass(frozen=True, kw_only=True)
class Standard:
    """A sender of Standard Webhooks.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    secret: str = Options.standard_secret

    def message(
        self,
        text: str = "How do I oil a widget?",
        *,
        thread: str = "ticket-4711",
        message: str | None = None,
        author: str = "u1",
        name: str = "Ada",
        type: str = "message.created",
        id: str | None = None,
        at: int | None = None,
        **more: Any,
    ) -> Delivery:
        """Return a message in the format of `/webhooks/standard`; `more` is added to its `data`."""
        said = {"thread": thread, "text": text, "author": {"id": author, "name": name}, **more}
        if message is not None:
            said["message"] = message
        return self.signed({"type": type, "timestamp": moment(at), "data": said}, id=id, at=at)

    def signed(self, payload: Json, *, id: str | None = None, at: int | None = None) -> Delivery:
        """Any payload; `at` in seconds, to be too old or too early."""
        body = msgspec.json.encode(payload)
        identity = id or f"msg_{uuid.uuid4().hex}"
        stamp = int(time.time()) if at is None else at
        headers = {
            "Content-Type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signatures.standard(self.secret, identity, stamp, body),
        }
        return Delivery(headers, body, identity)
