"""What an edit, a deletion or a reaction is about: found when it is sent, since its message has an id by then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from answerback.errors import Rejected
from answerback.outgoing import ReplyContent
from answerback.platforms import Client
from answerback.replies import Reply, ReplyKind
from answerback.store.threads.outbox import Outbox, Outgoing

from ..retry import retry_while_unavailable
from .progress import changed

_OURS = re.compile(r"[0-9a-f]{20}\.")
"""How the keys of our replies begin. No platform has such ids of messages."""


class Targets:
    """Replaces the keys of our replies by the platform's ids of their messages."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def resolved(self, client: Client, outgoing: Outgoing) -> Outgoing:
        """Return the reply with the id of its message.

        An edit or deletion of a reply of several messages becomes several, of which the first is returned.

        Raises:
            Rejected: The message was not posted.
            LeaseLost: Another worker sends now.
        """
        reply = outgoing.reply
        content = reply.content
        if content is None or not content.target or reply.kind == "message":
            return outgoing
        whole = reply.kind in ("edit", "delete") and _OURS.match(content.target) is not None
        parts = await retry_while_unavailable(self._outbox.parts, reply.thread, content.target, whole=whole)
        if not parts:
            if not _OURS.match(content.target):
                return outgoing
            raise Rejected(f"there is no reply {content.target} in this thread: nothing was changed")
        if reply.kind == "check" and parts[0].state == "failed":
            return changed(outgoing, content=msgspec.structs.replace(content, target=""))
        posted = [part for part in parts if part.state == "sent"]
        if not posted:
            raise Rejected(
                f"the reply {content.target} was not posted, so it cannot be changed: replay its dead letter first, "
                "then this one"
            )
        steps = list(_steps(client, reply, content, posted))
        if len(steps) == 1:
            return msgspec.structs.replace(outgoing, reply=steps[0])
        first: Outgoing = await retry_while_unavailable(self._outbox.replace, outgoing, steps)
        return first


def _steps(client: Client, reply: Reply, content: ReplyContent, posted: Sequence[Reply]) -> Iterator[Reply]:
    """Yield what is to be sent for each message of a reply."""
    if reply.kind == "delete":
        for number, part in enumerate(posted):
            yield _step(reply, number, content, target=part.message)
        return
    if reply.kind != "edit":
        yield _step(reply, 0, content, target=posted[0].message)
        return
    # Files stay as they are.
    old = [part for part in posted if not (part.content and part.content.files)]
    if not old:
        raise Rejected("the reply has no text that could be changed")
    new = client.split(reply.text)
    for number in range(max(len(old), len(new))):
        kind: ReplyKind = "delete" if number >= len(new) else "message" if number >= len(old) else "edit"
        text = new[number] if number < len(new) else ""
        # A message that is added belongs to the one that is changed.
        target = old[number].message if number < len(old) else content.target
        last = number == len(new) - 1
        own = ReplyContent(actions=content.actions if last else ())
        yield _step(reply, number, own, kind=kind, text=text, target=target)


def _step(
    reply: Reply,
    number: int,
    content: ReplyContent,
    *,
    target: str,
    kind: ReplyKind | None = None,
    text: str | None = None,
) -> Reply:
    content = msgspec.structs.replace(content, target=target)
    key = f"{reply.key}.{number}" if number else reply.key
    changes = {"text": reply.text if text is None else text, "content": content}
    if number:
        # A message of its own: nothing of it was attempted yet.
        changes |= {"attempts": 0, "first": 0, "state": "pending"}
    return msgspec.structs.replace(reply, key=key, kind=kind or reply.kind, **changes)
