"""Puts the words of quoted messages into a turn, where the platform only says which message is quoted."""

from __future__ import annotations

import msgspec

from answerback.events import Event, Subject
from answerback.messages import Message
from answerback.platforms.subject import BODY, shortened
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Claim

from ..retry import retry_while_unavailable


class Quotes:
    """Looks quoted messages up in the thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def filled(self, claim: Claim) -> list[Event]:
        """Return the events of a claim, each with what it quotes, if the thread knows that."""
        events = claim.events
        if not any(_wanted(event.subject) for event in events):
            return events
        known = {message.message: message for message in claim.history if message.message}
        replies = await retry_while_unavailable(self._outbox.replies, claim.thread)
        ours = {message.reply: message for message in claim.history if message.reply}
        for reply in replies.values():
            said = ours.get(reply.key) or ours.get(reply.siblings.removesuffix("."))
            if reply.message and said:
                known[reply.message] = said
        return [_with(event, known.get(event.subject.message) if event.subject else None) for event in events]


def _wanted(subject: Subject | None) -> bool:
    return subject is not None and subject.kind == "message" and not subject.body


def _with(event: Event, quoted: Message | None) -> Event:
    subject = event.subject
    if quoted is None or subject is None or not _wanted(subject):
        return event
    author = (
        quoted.agent
        if quoted.role == "assistant"
        else (quoted.author.name or quoted.author.id)
        if quoted.author
        else ""
    )
    filled = msgspec.structs.replace(subject, body=shortened(quoted.text, BODY), author=author)
    return msgspec.structs.replace(event, subject=filled)
