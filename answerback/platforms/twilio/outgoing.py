"""The files of replies: Twilio fetches them from us. https://www.twilio.com/docs/messaging/guides/accepted-mime-types"""

from __future__ import annotations

from answerback.outgoing import File
from answerback.platforms.twilio.place import Channel

_MEGABYTE = 1_000_000
_LARGEST = {"sms": 5 * _MEGABYTE, "whatsapp": 16 * _MEGABYTE}
_OTHER = 16 * _MEGABYTE

_FAMILIES = ("image/", "audio/", "video/")
_TYPES = frozenset({
    "text/vcard", "text/x-vcard", "text/csv", "text/rtf", "text/richtext", "text/calendar", "text/directory",
    "application/pdf", "application/vcard", "application/vnd.apple.pkpass", "application/msword",
    "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
})  # fmt: skip
"""What an MMS takes besides pictures, sound and films. Other channels say by themselves what they do not take."""

UNREACHABLE = (
    "Twilio fetches files from us: set PUBLIC_URL and ANSWERBACK_SECRET_KEY, for ingress and workers, or post a link"
)


def problem(file: File, channel: Channel) -> str:
    """Return why Twilio would refuse a file; "" if that is not known before."""
    most, size = _LARGEST.get(channel, _OTHER), len(file.data) or file.size
    kind = file.content_type.partition(";")[0].strip().lower()
    if channel == "sms" and not kind.startswith(_FAMILIES) and kind not in _TYPES:
        return f"an MMS takes no files of type {kind}: {file.name}. Send a PDF, a picture, or a link"
    if size > most:
        return f"{file.name} has {size} bytes; this channel takes {most // _MEGABYTE} MB"
    return ""
