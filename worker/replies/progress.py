"""The progress of a reply as its record tells it: each function returns a changed copy."""

from __future__ import annotations

import msgspec

from answerback.errors import NotYet, Unavailable
from answerback.outgoing import ReplyContent
from answerback.platforms import Sent
from answerback.replies import TWICE, ShownMessage
from answerback.store.threads.outbox import Outgoing


def changed(outgoing: Outgoing, **fields: str | int | ReplyContent | ShownMessage | None) -> Outgoing:
    """Return a copy with changed fields of its reply."""
    return msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, **fields))


def attempted(outgoing: Outgoing, now: int) -> Outgoing:
    """Return the reply as it is stored while a request may be in flight."""
    reply = outgoing.reply
    return changed(
        outgoing, state="sending", attempts=reply.attempts + 1, first=reply.first or now, error="",
        unknown=0, looks=0, cursor="", searching=0, repeats=reply.repeats + (reply.state == "sending"),
        slot=0, paced=0,
    )  # fmt: skip


def unknown_since(outgoing: Outgoing, now: int) -> Outgoing:
    """Return a reply of unknown outcome that is to be looked for from the start."""
    return changed(outgoing, unknown=now, looks=0, cursor="", searching=0)


def found(outgoing: Outgoing, message: Sent) -> Outgoing:
    """Return a reply whose message was found that shows it as far as it was written."""
    shown = outgoing.reply.shown
    assert shown is not None
    shown_message = msgspec.structs.replace(shown.unsure(), message=message.message, url=message.url, open=True)
    return changed(
        outgoing,
        shown=shown_message,
        message=message.message,
        url=message.url,
        unknown=0,
        looks=0,
        cursor="",
        searching=0,
    )


def in_doubt(outgoing: Outgoing) -> Outgoing:
    """Return a reply as it is stored while its message may be changed by a request."""
    shown = outgoing.reply.shown
    return changed(outgoing, shown=shown.unsure()) if shown else outgoing


def refused(outgoing: Outgoing, trouble: Unavailable) -> Outgoing:
    """Return a reply that counts a temporary rejection: see `platforms.attempt`."""
    return changed(outgoing, refusals=outgoing.reply.refusals + isinstance(trouble, NotYet), waits=0)


def sent(outgoing: Outgoing, message: Sent) -> Outgoing:
    """Return a reply that was sent."""
    return changed(
        outgoing, state="sent", message=message.message, url=message.url, error=TWICE if outgoing.reply.twice else "",
        shown=None,
        unknown=0, looks=0, cursor="", searching=0,
    )  # fmt: skip
