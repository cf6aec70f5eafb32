"""Markdown as text for each channel, and long texts in parts."""

from __future__ import annotations

from answerback.platforms.choices import in_words
from answerback.platforms.dialects import PLAIN, WHATSAPP, convert, parts, utf16_units
from answerback.platforms.dialects.sms import cheaper
from answerback.platforms.twilio.place import Channel
from answerback.replies import Reply

LIMIT = 1600
"""Characters of a message, on every channel. https://www.twilio.com/docs/api/errors/21617

Whether Twilio counts an emoji once or twice is not documented: twice is safe.
"""


def written(markdown: str, channel: Channel) -> str:
    """Return Markdown as a channel shows it. In an SMS, signs that would make it cost more become plain ones."""
    if channel == "whatsapp":
        return convert(markdown, WHATSAPP) or markdown
    plain = convert(markdown, PLAIN) or markdown
    return cheaper(plain) if channel == "sms" else plain


def said(reply: Reply, channel: Channel) -> str:
    """Return the text of a message, with its choices below it."""
    text = written(reply.text, channel) if reply.text.strip() else ""
    actions = reply.content.actions if reply.content else ()
    return f"{text}\n\n{in_words(actions)}" if actions else text


def split(markdown: str) -> list[str]:
    """Split Markdown into parts, each of which fits on every channel."""
    return parts(markdown, LIMIT, _longest, utf16_units)


def _longest(markdown: str) -> str:
    return max((written(markdown, channel) for channel in ("whatsapp", "sms")), key=utf16_units)
