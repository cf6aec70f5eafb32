"""Attachments as parts of a prompt.

The model's own record of a turn is stored without the contents of uploaded files, which the store has already: in
their places it has empty parts, with the ids of the files. They are filled in again for the next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pydantic_ai.messages import BinaryContent, ModelMessage, ModelRequest, UserContent, UserPromptPart

from answerback.agents.turn import Turn
from answerback.errors import NoSuchFile
from answerback.files import is_text
from answerback.messages import Attachment

Contents = Mapping[str, bytes]
"""The contents of uploaded files, by id."""
NO_FILES: Contents = {}
EARLIER = 20_971_520
"""The bytes of earlier files that a model is shown again, the newest first."""


async def file_contents(turn: Turn, *, history: bool) -> Contents:
    """Return the contents of a turn's uploaded files; with `history`, of earlier ones, too. Deleted ones are absent."""
    contents: dict[str, bytes] = {}
    for attachment in turn.attachments:
        await _read(turn, attachment, contents)
    room = EARLIER
    for message in reversed(turn.history if history else ()):
        for attachment in message.attachments if message.role == "user" else ():
            room -= attachment.size
            if room >= 0:
                await _read(turn, attachment, contents)
    return contents


def attached(attachment: Attachment, contents: Contents = NO_FILES) -> UserContent:
    """Return an attachment as a part of a prompt: a text, or data such as an image."""
    data = contents.get(attachment.file) if attachment.file else attachment.data
    label = f"{attachment.name} ({attachment.content_type})" if attachment.content_type else attachment.name
    if attachment.problem:
        return f"{label}: not available, {attachment.problem}"
    if attachment.remote:
        return f"{label}: not shown, it was not fetched"
    if data is None:
        return f"{label}: not shown, it was deleted or is too large to be shown again"
    if attachment.file and is_text(attachment.content_type):
        return f"{label}:\n\n{data.decode(errors='replace')}"
    if data or attachment.file:
        identifier = attachment.file or attachment.name
        return BinaryContent(data, media_type=attachment.content_type, identifier=identifier)
    return f"{label}:\n\n{attachment.text}"


def without_files(
    messages: Sequence[ModelMessage], attachments: Sequence[Attachment], contents: Contents
) -> list[ModelMessage]:
    """Return a model's messages with an empty part in the place of each uploaded file."""
    uploaded = [(attached(each, contents), _empty(each)) for each in attachments if each.file in contents]

    def emptied(part: UserContent) -> UserContent:
        return next((empty for shown, empty in uploaded if part == shown), part)

    return [_mapped(message, emptied) for message in messages] if uploaded else list(messages)


def with_files(
    messages: Sequence[ModelMessage], attachments: Sequence[Attachment], contents: Contents
) -> list[ModelMessage]:
    """Return a model's recorded messages with the contents of uploaded files."""
    uploaded = {each.file: attached(each, contents) for each in attachments if each.file}

    def filled(part: UserContent) -> UserContent:
        return uploaded.get(part.identifier, part) if isinstance(part, BinaryContent) and not part.data else part

    return [_mapped(message, filled) for message in messages] if uploaded else list(messages)


def _empty(attachment: Attachment) -> BinaryContent:
    return BinaryContent(b"", media_type=attachment.content_type, identifier=attachment.file)


def _mapped(message: ModelMessage, change: Callable[[UserContent], UserContent]) -> ModelMessage:
    if not isinstance(message, ModelRequest):
        return message
    parts = [
        replace(part, content=[change(each) for each in part.content])
        if isinstance(part, UserPromptPart) and not isinstance(part.content, str)
        else part
        for part in message.parts
    ]
    return replace(message, parts=parts)


async def _read(turn: Turn, attachment: Attachment, contents: dict[str, bytes]) -> None:
    if attachment.file and attachment.file not in contents:
        try:
            contents[attachment.file] = await turn.read(attachment)
        except NoSuchFile:
            pass
