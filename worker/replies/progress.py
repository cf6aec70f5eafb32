"""The progress of a reply as its record tells it: each function returns a changed copy."""

from __future__ import annotations

import msgspec

from answerback.errors import NotYet, Unavailable
from answerback.outgoing import ReplyContent
from answerback.platforms import Sent
from answerback.store.threads.outbox import Outgoing


def changed(outgoing: Outgoing, **fields: str | int | ReplyContent) -> Outgoing:
    """Return a copy with changed fields of its reply."""
    return msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, **fields))


def attempted(outgoing: Outgoing, now: int) -> Outgoing:
    """Return the reply as it is stored while a request may be in flight."""
    reply = outgoing.reply
    return changed(
        outgoing, state="sending", attempts=reply.attempts + 1, first=reply.first or now, error="",
        unknown=0, looks=0, cursor="", searching=0,
    )  # fmt: skip


def unknown_since(outgoing: Outgoing, now: int) -> Outgoing:
    """Return a reply of unknown outcome that is to be looked for from the start."""
    return changed(outgoing, unknown=now, looks=0, cursor="", searching=0)


def refused(outgoing: Outgoing, trouble: Unavailable) -> Outgoing:
    """Return a reply that counts a temporary rejection: see `platforms.attempt`."""
    return changed(outgoing, refusals=outgoing.reply.refusals + isinstance(trouble, NotYet), waits=0)


def sent(outgoing: Outgoing, message: Sent) -> Outgoing:
    """Return a reply that was sent."""
    return changed(
        outgoing, state="sent", message=message.message, url=message.url, error="",
        unknown=0, looks=0, cursor="", searching=0,
    )  # fmt: skip
