"""What is stored of a reply that is settled, what a replay puts back, and what is sent to its thread's followers."""

from __future__ import annotations

import msgspec

from answerback.codec import encode
from answerback.replies import Reply
from answerback.store.decode import UnreadableReply
from answerback.store.stream.events import EncodedEvent, ReplyEvent, encode_event
from answerback.store.threads.message_parts import kept_content


def settled(reply: Reply) -> bytes:
    """Encode a reply that was sent or has failed."""
    # The history has the text; only the state is kept here.
    if isinstance(reply, UnreadableReply):
        reply = Reply(key=reply.key, thread=reply.thread, text="", state=reply.state, error=reply.error)
    if reply.kept and reply.state == "sent":
        return encode(reply)
    return encode(msgspec.structs.replace(reply, text="", address={}, content=kept_content(reply.content)))


def replayable(reply: Reply) -> Reply:
    """Return a failed reply as a replay puts it back: one that may have been posted is looked for first."""
    return msgspec.structs.replace(
        reply, state="sending" if reply.unknown and not reply.shown else reply.waiting, error="",
        attempts=0, refusals=0, waits=0, looks=0, repeats=0, twice=False, slot=0, paced=0, cursor="", searching=0,
    )  # fmt: skip


def reply_event(reply: Reply) -> EncodedEvent:
    """Return the stream event about a settled reply."""
    turn = reply.key.partition(".")[0]
    return encode_event(ReplyEvent(turn=turn, message=reply.key, state=reply.state, url=reply.url))
