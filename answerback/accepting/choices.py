"""A number that a person writes, as the button or option of our last message that it stands for."""

from __future__ import annotations

import msgspec

from answerback.events import Event
from answerback.platforms.choices import choices
from answerback.replies import Reply
from answerback.store.threads.outbox import Outbox


class Choices:
    """Reads what was offered from the replies of the thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def chosen(self, event: Event) -> Event:
        """Return the event as the press of what its number stands for; as it is, if the last answer offers no such."""
        reply = await self._last_offer(event.thread)
        offered = list(choices(reply.content.actions)) if reply and reply.content else []
        if reply is None or not 0 < event.choice <= len(offered):
            return event
        label, action = offered[event.choice - 1]
        words = f"{'pressed' if action.type == 'button' else 'chose'} {label}"
        return msgspec.structs.replace(
            event,
            kind=action.type,
            text=f"{words} (value: {action.value})" if action.value not in ("", label) else words,
            action=msgspec.structs.replace(action, message=reply.message),
            reply=reply.key,
        )

    async def _last_offer(self, thread: str) -> Reply | None:
        """Return the last reply with choices of the turn that was answered last: an older one is not meant."""
        sent = [
            reply
            for reply in (await self._outbox.replies(thread)).values()
            if reply.state in ("sent", "sending") and reply.kind == "message" and reply.first
        ]
        newest = max(sent, key=lambda reply: reply.first, default=None)
        if newest is None:
            return None
        turn = newest.key.partition(".")[0]
        offers = [
            reply for reply in sent if reply.key.partition(".")[0] == turn and reply.content and reply.content.actions
        ]
        return max(offers, key=lambda reply: reply.first, default=None)
