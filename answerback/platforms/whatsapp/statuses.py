"""What WhatsApp tells of our messages: sent, delivered, read or failed. It settles replies of unknown outcome.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
"""

from __future__ import annotations

import msgspec

from answerback.notifications import ReplyStatus
from answerback.platforms.whatsapp.errors import described
from answerback.platforms.whatsapp.payload import Problem, Status
from answerback.replies import Reply

_OURS = "answerback"
_THERE = frozenset({"sent", "delivered", "read", "played"})
"""They come in any order, and some are left out: each proves that the message is there."""


def callback_data(reply: Reply) -> str:
    """Return what WhatsApp gives back in each status of a message, at most 512 characters."""
    return f"{_OURS} {reply.key} {reply.thread}"


def parse_status(status: Status) -> ReplyStatus | str:
    """Return what became of a reply, or why that is not known."""
    ours, _, rest = (status.biz_opaque_callback_data or "").partition(" ")
    key, _, thread = rest.partition(" ")
    if ours != _OURS or not key or not thread.startswith("whatsapp:"):
        return "a status of a message that another program sent"
    if not status.id or not status.status:
        return "a status that names no message"
    delivery = f"whatsapp:{status.id}:{status.status[:40]}"
    known = ReplyStatus(delivery=delivery, thread=thread, reply=key, message=status.id)
    if status.status in _THERE:
        return known
    if status.status != "failed":
        return f"a message that was {status.status[:40]}"
    problem = (status.errors or [Problem()])[0]
    return msgspec.structs.replace(known, state="failed", error=described(problem, "WhatsApp did not deliver it"))
