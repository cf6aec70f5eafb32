"""The files of replies: Twilio fetches them from us. https://www.twilio.com/docs/messaging/guides/accepted-mime-types"""

from __future__ import annotations

from answerback.outgoing import File
from answerback.platforms.twilio.place import Channel

_MEGABYTE = 1_000_000
_LARGEST = {"sms": 5 * _MEGABYTE, "whatsapp": 16 * _MEGABYTE}
_OTHER = 16 * _MEGABYTE

UNREACHABLE = (
    "Twilio fetches files from us: set PUBLIC_URL and ANSWERBACK_SECRET_KEY, for ingress and workers, or post a link"
)


def problem(file: File, channel: Channel) -> str:
    """Return why Twilio would refuse a file; "" if that is not known before."""
    most, size = _LARGEST.get(channel, _OTHER), len(file.data) or file.size
    if size > most:
        return f"{file.name} has {size} bytes; this channel takes {most // _MEGABYTE} MB"
    return ""
