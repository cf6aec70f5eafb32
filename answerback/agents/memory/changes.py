"""What people change in a thread in memory besides sending messages: edits, deletions, files."""

from __future__ import annotations

import mimetypes
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from answerback.agents.agent import Agent
from answerback.agents.memory.view import ThreadView
from answerback.events import Amendment, Event
from answerback.messages import Attachment
from answerback.store.thread_ids import public_id


class ThreadChanges(ThreadView, ABC):
    """Changes what people sent."""

    id: str
    agents: Sequence[Agent]

    @abstractmethod
    async def send(self, event: Event) -> str:
        """Send an event, and return the replies of the turn that answers it."""

    async def edit(self, event: Event, text: str, *, mentions: Sequence[str] | None = None) -> str:
        """Edit a message, as people do on platforms. The edit may arrive before the message.

        A message that waits is changed. One that is being answered, or was, is not: but an edit that adds a mention is
        a message of its own, and so is any other for an agent with `edits`.

        Args:
            event: The message: one that was or will be sent, or one of `waiting`.
            text: The new text.
            mentions: The names that the new text mentions; by default those of the message.

        Returns:
            The replies of the turn that answers the edit; "" if there are none.

        Raises:
            ValueError: The event is not a message, and cannot be edited.
            Exception: What `say` raises.
        """
        names = event.mentions if mentions is None else tuple(mentions)
        added = tuple(name for name in names if name not in event.mentions)
        edit = _edit_of(event, text, names)
        if added:
            fields = {"delivery": edit.delivery, "text": text, "mentions": added, "edited": "mention", "former": ""}
            edit = msgspec.structs.replace(edit, event=msgspec.structs.replace(event, **fields))
        else:
            same = msgspec.structs.replace(event, delivery=edit.delivery, text=text, edited="text", former="")
            edit = msgspec.structs.replace(edit, edit=same)
        return await self.amend(edit)

    async def delete(self, event: Event) -> bool:
        """Delete a message, as people do on platforms. Return whether it was waiting.

        Args:
            event: The message: one that was or will be sent, or one of `waiting`.

        Raises:
            ValueError: The event is not a message, and cannot be deleted.
        """
        before = len(self._records.inbox)
        await self.amend(_edit_of(event, None, ()))
        return len(self._records.inbox) < before

    async def amend(self, amendment: Amendment) -> str:
        """Edit or delete a message, as a platform's webhook reports it. Return what `edit` returns."""
        if amendment.edit is not None and all(agent.edits == "ignore" for agent in self.agents):
            amendment = msgspec.structs.replace(amendment, edit=None)
        event = self._records.amend(amendment)
        return "" if event is None else await self.send(event)

    def upload(self, name: str, content: bytes, content_type: str = "") -> Attachment:
        """Upload a file to the thread. Return it as an attachment for `say`.

        Unlike an attachment with `data`, it is not part of the message: agents read it with `turn.read`.

        Args:
            name: The file's name.
            content: Its content.
            content_type: Its media type; by default, as its name suggests.
        """
        id = f"{public_id(self.id)}.{secrets.token_hex(10)}"
        self._records.files[id] = content
        kind = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Attachment(name=name, content_type=kind, file=id, size=len(content))

    def delete_file(self, file: Attachment) -> None:
        """Delete an uploaded file. Messages that name it keep its name; reading it raises `NoSuchFile`."""
        self._records.files.pop(file.file, None)


def _edit_of(event: Event, text: str | None, mentions: tuple[str, ...]) -> Amendment:
    if not event.message:
        raise ValueError("the event has no message id: only a message can be edited or deleted")
    return Amendment(
        delivery=f"{event.delivery}:{secrets.token_hex(8)}",
        thread=event.thread,
        message=event.message,
        text=text,
        mentions=mentions,
        mentioned=event.mentioned,
    )
