"""Parse the statuses of our messages: each settles the reply whose key is in the URL that we gave.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

from urllib.parse import urlencode

from answerback.notifications import ReplyStatus
from answerback.platforms.twilio.codes import FAILED, explained
from answerback.platforms.twilio.form import Fields, all_fields
from answerback.replies import Reply

_THERE = frozenset({"accepted", "scheduled", "queued", "sending", "sent", "delivered", "read", "partially_delivered"})
"""The message exists: it is on its way, or has arrived."""


def callback(webhook: str, reply: Reply) -> str:
    """Return the URL to which Twilio reports what becomes of a reply; "" without a public URL.

    It is signed as it is here. A colon stays one: proxies that rewrite queries leave it alone.
    """
    query = urlencode({"reply": reply.key, "thread": reply.thread}, safe=":")
    return f"{webhook}?{query}" if webhook else ""


def is_status(fields: Fields) -> bool:
    """Return whether a request is about a message of ours. One of a person's has the status "received"."""
    state = _state(fields)
    return state in _THERE | FAILED or ("MessageStatus" in fields and not state.startswith("receiv"))


def _state(fields: Fields) -> str:
    return (fields.words("MessageStatus") or fields.words("SmsStatus")).lower()


def parse_status(fields: Fields, query: str) -> ReplyStatus | str:
    """Return the status of a reply, or why it is none."""
    try:
        given = all_fields(query)
    except ValueError:
        given = {}
    reply, thread = given.get("reply", [""])[0], given.get("thread", [""])[0]
    state = _state(fields)
    # Of the account that signed it: another one's replies are none of its business.
    if not reply or not thread.startswith(f"twilio:{fields.sid('AccountSid')}:"):
        return "the status of a message that is not a reply"
    if state not in _THERE | FAILED:
        return "a status without a meaning for a reply"
    message = fields.sid("MessageSid", "SmsSid")
    failed = state in FAILED
    code = fields.number("ErrorCode")
    return ReplyStatus(
        delivery=f"twilio:{message}:{state}",
        thread=thread,
        reply=reply,
        message=message,
        state="failed" if failed else "sent",
        error=f"Twilio reports {state}: {explained(code)}" if failed else "",
    )
