"""The hidden metadata of our messages: the reply's key, by which a message is recognised.

https://docs.slack.dev/messaging/message-metadata
"""

from __future__ import annotations

import hashlib
import uuid

import msgspec

EVENT_TYPE = "answerback_reply"


class Metadata(msgspec.Struct):
    """A message's metadata as Slack returns it. Other apps may store anything in it."""

    event_type: str = ""
    event_payload: dict[str, object] | None = None


def metadata(key: str) -> dict[str, object]:
    """Return the metadata of a reply."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def client_message_id(key: str) -> str:
    """Return the id by which Slack may drop a repeated post. It is undocumented, so nothing relies on it."""
    return str(uuid.UUID(bytes=hashlib.blake2b(key.encode(), digest_size=16).digest(), version=4))


def key_of(metadata: Metadata | None) -> str:
    """Return the reply key in a message's metadata, or "". Trust it only in our own messages."""
    if metadata is None or metadata.event_type != EVENT_TYPE:
        return ""
    key = (metadata.event_payload or {}).get("key")
    return key if isinstance(key, str) else ""
