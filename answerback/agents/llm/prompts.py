"""Turn events and the thread's history into messages for a language model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from pydantic_ai.messages import (
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

from answerback.agents.llm.files import NO_FILES, Contents, attached, with_files
from answerback.agents.turn import Turn
from answerback.events import Event
from answerback.messages import Attachment, Message

SILENCE = "(The user opens the conversation.)"
"""The prompt for an event without text: models reject an empty message."""

EDITED = "(This message was edited after you had answered it. It now reads:)"
"""The prompt before the new text of a message."""

MESSAGE = frozenset({"type", "text", "sender"})
"""The members of an input that its event's text and author contain."""


def event_content(event: Event, contents: Contents = NO_FILES) -> list[UserContent]:
    """Return an event as prompt parts; empty if it has no content."""
    name = event.author.name or event.author.id
    if event.direct:
        # Several people may write in one thread; a direct conversation needs no names unless the sender supplies them.
        name = event.author.name if event.context is not None else ""
    content = _content(name, event.text, event.attachments, event.order, contents)
    return [*([EDITED] if event.edited == "text" else ()), *content, *_input(event)]


def _input(event: Event) -> list[UserContent]:
    """Return the structured input as a prompt part, unless the text says all of it."""
    if not event.input_json or event.text == event.input_json.decode():
        return []
    data = event.input
    if isinstance(data, str) or (isinstance(data, dict) and data.keys() <= MESSAGE):
        return []
    return [f"input (application/json):\n\n{event.input_json.decode()}"]


def user_content(turn: Turn, contents: Contents = NO_FILES) -> list[UserContent]:
    """Return all events of a turn as prompt parts."""
    return [part for event in turn.events for part in event_content(event, contents)] or [SILENCE]


def model_history(turn: Turn, contents: Contents = NO_FILES, *, records: bool) -> list[ModelMessage]:
    """Return the conversation before a turn.

    With `records`, earlier turns are the model's own records where there are any. A conversation that the sender
    supplied is passed on in full: with files and calls of the sender's own tools, in order. Otherwise only text is.
    """
    supplied = turn.event.context is not None
    result: list[ModelMessage] = []
    for _, messages in groupby(turn.history, key=lambda message: message.turn):
        result += _turn(list(messages), contents, records=records, supplied=supplied)
    return result


def _turn(turn: list[Message], contents: Contents, *, records: bool, supplied: bool) -> Iterable[ModelMessage]:
    if records:
        for message in turn:
            if message.model:
                attachments = [each for message in turn for each in message.attachments]
                return with_files(ModelMessagesTypeAdapter.validate_json(message.model), attachments, contents)
    return [part for message in turn for part in _message(message, contents, files=records or supplied, calls=supplied)]


def _message(message: Message, contents: Contents, *, files: bool, calls: bool) -> Iterable[ModelMessage]:
    if message.role == "user":
        name = message.author.name if message.author else ""
        attachments, order = (message.attachments, message.order) if files else ((), ())
        content = _content(name, message.text, attachments, order, contents)
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
    name: str,
    text: str,
    attachments: Sequence[Attachment],
    order: Sequence[str | int] = (),
    contents: Contents = NO_FILES,
) -> list[UserContent]:
    parts: list[UserContent] = []
    for piece in order or (text, *range(len(attachments))):
        if isinstance(piece, int):
            parts.append(attached(attachments[piece], contents))
        elif piece.strip():
            # Models reject an empty text beside an image.
            parts.append(piece)
    if name and parts:
        first = parts[0]
        parts[:1] = [f"{name}: {first}"] if isinstance(first, str) else [f"{name}:", first]
    return parts
