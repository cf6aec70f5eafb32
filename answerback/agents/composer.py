"""Makes the replies of a turn. It holds the thread and the address: a reply can go nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from answerback import tracing
from answerback.errors import UnsupportedReply
from answerback.events import Event
from answerback.outgoing import File, ReplyContent
from answerback.replies import Reply, ReplyKind

if TYPE_CHECKING:
    from answerback.platforms import Client

_WORDS: dict[ReplyKind, str] = {
    "message": "messages",
    "edit": "edits of messages",
    "delete": "deletions of messages",
    "reaction": "reactions",
    "review": "reviews",
    "check": "check runs",
    "form": "forms",
}


class Composer:
    """Makes replies.

    Args:
        client: The platform's client; None where replies stay in the thread.
        event: The event that the turn answers.
        stored: When it was stored, ms.
    """

    def __init__(self, client: Client | None, event: Event, *, stored: int = 0) -> None:
        self.posts = client is not None
        """Whether replies are posted on a platform, and do not only stay in the thread."""
        self._client = client
        self._event = event
        self._stored = stored

    @property
    def in_chat(self) -> bool:
        """Whether the thread is a chat, which has messages and nothing else."""
        return self._event.platform == "chat"

    def message(self, key: str, text: str, content: ReplyContent | None = None) -> Sequence[Reply]:
        """Return the replies of a message: one, or several if it is too long for one.

        Buttons are below the last part of the text, files follow it.

        Raises:
            UnsupportedReply: The platform cannot show it.
        """
        client = self._client
        if client is None or (content is None and not text.strip()):
            return ()
        texts = client.split(text) if text.strip() else []
        if content is None:
            contents: list[ReplyContent | None] = [None] * len(texts)
        else:
            contents = self._contents(client, content, texts)
            texts += [""] * (len(contents) - len(texts))
        keys = [f"{key}.{part}" for part in range(len(texts))] if len(texts) > 1 else [key]
        return [self._reply(client, *each) for each in zip(keys, texts, contents, strict=True)]

    def other(self, key: str, kind: ReplyKind, content: ReplyContent, text: str = "") -> Sequence[Reply]:
        """Return the reply that is not a message of its own: an edit, a reaction, a review.

        Raises:
            UnsupportedReply: The platform has nothing of this kind, or would refuse it.
        """
        client = self._client
        if client is None:
            return ()
        if kind not in client.kinds:
            raise UnsupportedReply(f"{self._event.platform} has no {_WORDS[kind]} that an agent could make")
        return [self._reply(client, key, text, content, kind)]

    def _contents(self, client: Client, content: ReplyContent, texts: Sequence[str]) -> list[ReplyContent | None]:
        """Return the content of each part of a message: of its texts, then of its files."""
        platform = self._event.platform
        if content.actions and "actions" not in client.extras:
            raise UnsupportedReply(f"{platform} has no buttons or menus: ask in words instead")
        if content.files and "files" not in client.extras:
            raise UnsupportedReply(f"files cannot be sent to {platform}: post a link instead")
        contents: list[ReplyContent | None] = [None] * len(texts)
        template = content.template if "template" in client.extras else None
        if template and len(texts) > 1:
            raise UnsupportedReply("a reply with a template has to fit into one message: shorten its text")
        if content.actions or template:
            contents[-1] = ReplyContent(actions=content.actions, template=template)
        most = client.files_a_message
        files: Sequence[Sequence[File]] = [
            content.files[first : first + most] for first in range(0, len(content.files), most)
        ]
        return [*contents, *(ReplyContent(files=tuple(each)) for each in files)]

    def _reply(
        self, client: Client, key: str, text: str, content: ReplyContent | None, kind: ReplyKind = "message"
    ) -> Reply:
        event = self._event
        reply = Reply(
            key=key,
            thread=event.thread,
            text=text,
            address=event.address,
            at=event.at,
            stored=self._stored,
            trace=tracing.traceparent(),
            kind=kind,
            content=content,
            account=event.account,
            kept=client.reports,
        )
        if refusal := client.check(reply):
            raise UnsupportedReply(refusal)
        return reply
