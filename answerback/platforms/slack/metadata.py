"""The metadata of our messages: a reply's key, which people do not see, and by which it is known again.

https://docs.slack.dev/messaging/message-metadata
"""

from __future__ import annotations

import msgspec

EVENT_TYPE = "answerback_reply"


class Metadata(msgspec.Struct):
    """As Slack shows it; other apps put there what they like."""

    event_type: str = ""
    event_payload: dict[str, object] | None = None


def metadata(key: str) -> dict[str, object]:
    """The metadata of a reply."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def key_of(found: Metadata | None) -> str:
    """The key of the reply that a message is, "" for any other. Only believe it of our own messages."""
    if found is None or found.event_type != EVENT_TYPE:
        return ""
    key = (found.event_payload or {}).get("key")
    return key if isinstance(key, str) else ""
