"""What a language model is told: an event, and the conversation before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from answerback.agents.turn import Turn
from answerback.messages import Attachment, Event, Message

SILENCE = "(The user opens the conversation.)"
"""What stands for a user who has said nothing: models refuse an empty message."""


def prompt(event: Event) -> list[UserContent]:
    """An event as a model is told it; empty where nothing was said."""
    name = event.author.name or event.author.id
    if event.direct:
        # Several people may speak in one thread; a conversation of two needs no names, unless its sender gives some.
        name = event.author.name if event.context is not None else ""
    return _content(name, event.text, event.attachments, event.order)


def said(turn: Turn) -> list[UserContent]:
    """All that a turn answers."""
    return [part for event in turn.events for part in prompt(event)] or [SILENCE]


def history(turn: Turn, *, records: bool) -> list[ModelMessage]:
    """The conversation before a turn.

    With `records`, a model's own records of earlier turns where there are any. A conversation that the sender tells is
    told on whole: files, and calls of the sender's own tools, in their order. Elsewhere it is words.
    """
    told = turn.event.context is not None
    found: list[ModelMessage] = []
    for _, messages in groupby(turn.history, key=lambda message: message.turn):
        found += _turn(list(messages), records=records, told=told)
    return found


def _turn(turn: list[Message], *, records: bool, told: bool) -> Iterable[ModelMessage]:
    if records:
        for message in turn:
            if message.model:
                return ModelMessagesTypeAdapter.validate_json(message.model)
    return [part for message in turn for part in _message(message, files=records or told, calls=told)]


def _message(message: Message, *, files: bool, calls: bool) -> Iterable[ModelMessage]:
    if message.role == "user":
        name = message.author.name if message.author else ""
        content = _content(name, message.text, message.attachments if files else (), message.order if files else ())
        if content:
            text = content[0] if len(content) == 1 and isinstance(content[0], str) else content
            yield ModelRequest(parts=[UserPromptPart(text)])
        return
    tools = message.tools if calls else ()
    parts = [TextPart(message.text)] if message.text.strip() else []
    if parts or tools:
        yield ModelResponse(parts=[*parts, *(ToolCallPart(call.name, call.args, call.id) for call in tools)])
    if tools:
        yield ModelRequest(parts=[ToolReturnPart(call.name, call.result, call.id) for call in tools])


def _content(
    name: str, text: str, attachments: Sequence[Attachment], order: Sequence[str | int] = ()
) -> list[UserContent]:
    found: list[UserContent] = []
    for piece in order or (text, *range(len(attachments))):
        if isinstance(piece, int):
            found.append(_attached(attachments[piece]))
        elif piece.strip():
            # Models refuse an empty text beside a picture.
            found.append(piece)
    if name and found:
        first = found[0]
        found[:1] = [f"{name}: {first}"] if isinstance(first, str) else [f"{name}:", first]
    return found


def _attached(attachment: Attachment) -> UserContent:
    if attachment.data:
        return BinaryContent(attachment.data, media_type=attachment.content_type, identifier=attachment.name)
    return f"{attachment.name} ({attachment.content_type}):\n\n{attachment.text}"
