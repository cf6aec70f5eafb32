"""Turn the messages of a request into an agent's input: instructions, context and the current message."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from answerback.messages import Attachment, Author, Message, ToolCall

from ...problems import FieldError, Problem
from ..schemas.base64_text import decoded
from ..schemas.messages import ATTACHMENTS, FILE
from .request import ChatMessage, File, Part


class Prompt(NamedTuple):
    """An agent's input. `order` and `context` are those of `Event`."""

    system: str
    context: tuple[Message, ...]
    text: str
    attachments: tuple[Attachment, ...]
    order: tuple[str | int, ...] = ()
    name: str = ""


class _Content(NamedTuple):
    text: str
    attachments: tuple[Attachment, ...]
    order: tuple[str | int, ...]


def prompt(messages: Sequence[ChatMessage], *, files: bool = False) -> Prompt:
    """Return the input: the last message is the current one, those before are context.

    Args:
        files: Whether messages may name uploaded files, because the request names a thread. Their attachments have
            nothing but the id.

    Raises:
        Problem: 422.
    """
    system: list[str] = []
    context = _Context()
    last = max((at for at, message in enumerate(messages) if message.role not in ("system", "developer")), default=-1)
    if last >= 0 and messages[last].role == "assistant":
        raise wrong("/messages", "the last message must have the role user or tool")
    # Instructions without a message get an answer, too.
    now = Prompt("", (), "", ())
    for at, message in enumerate(messages):
        content = _content(message, f"/messages/{at}", files)
        if message.role in ("system", "developer"):
            if content.attachments:
                raise wrong(
                    f"/messages/{at}/content", "instructions are text: send files in a message of the role user"
                )
            system.append(content.text)
        elif message.role == "assistant":
            context.answer(message, content, at)
        elif message.role in ("tool", "function"):
            name = context.result(message, content, at, last=at == last)
            if at == last:
                # A result of the caller's own tools; agents run theirs themselves.
                now = Prompt("", (), f"Result of {name}: {content.text}", content.attachments)
        elif at == last:
            now = Prompt("", (), *content, message.name or "")
        else:
            context.ask(message, content, at)
    if sum(len(message.attachments) for message in context.messages) + len(now.attachments) > ATTACHMENTS:
        raise wrong("/messages", f"a request may have at most {ATTACHMENTS} attachments")
    return now._replace(system="\n\n".join(filter(None, system)), context=tuple(context.messages))


class _Context:
    """The earlier messages, with each tool result attached to its call."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._open: dict[str, list[tuple[int, int]]] = {}
        """Where the calls of an id stand that have no result yet: their message, and their place there.

        Some models give all calls one id, or none: their results come in the order of the calls.
        """

    def ask(self, message: ChatMessage, content: _Content, at: int) -> None:
        """Add a user's message."""
        name = message.name or ""
        author = Author(name, name) if name else None
        self.messages.append(
            Message(
                role="user",
                text=content.text,
                turn=str(at),
                author=author,
                attachments=content.attachments,
                order=content.order,
            )
        )

    def answer(self, message: ChatMessage, content: _Content, at: int) -> None:
        """Add a model's message with its tool calls."""
        calls = tuple(_calls(message, at))
        if content.text or calls:
            for place, call in enumerate(calls):
                self._open.setdefault(call.id, []).append((len(self.messages), place))
            self.messages.append(Message(role="assistant", text=content.text, turn=str(at), tools=calls))

    def result(self, message: ChatMessage, content: _Content, at: int, *, last: bool) -> str:
        """Return what a tool returned, and the tool's name."""
        # Before there were ids, a function was known by its name.
        name = f"function {message.name}"
        places = self._open.get(name if message.tool_call_id is None else message.tool_call_id)
        if not places:
            if not last:
                text = f"Result of {message.name or 'a tool'}: {content.text}"
                self.messages.append(Message(role="user", text=text, turn=str(at), attachments=content.attachments))
            return message.name or "a tool"
        number, which = places.pop(0)
        tools = list(self.messages[number].tools)
        tools[which] = msgspec.structs.replace(tools[which], result=content.text, outcome="done")
        self.messages[number] = msgspec.structs.replace(self.messages[number], tools=tuple(tools))
        if content.attachments and not last:
            self.messages.append(Message(role="user", text="", turn=str(at), attachments=content.attachments))
        return message.name or tools[which].name


def _calls(message: ChatMessage, at: int) -> Iterator[ToolCall]:
    for call in message.tool_calls or ():
        if call.function:
            yield _unanswered(call.id, call.function.name, call.function.arguments or "{}")
        elif call.custom:
            yield _unanswered(call.id, call.custom.name, json.dumps({"input": call.custom.input or ""}))
    if message.function_call:
        call_id = f"function {message.function_call.name}"
        yield _unanswered(call_id, message.function_call.name, message.function_call.arguments or "{}")


def _unanswered(id: str, name: str, arguments: str) -> ToolCall:
    # Models reject a tool call without a result.
    try:
        args = json.loads(arguments)
    except ValueError:
        args = arguments
    return ToolCall(id=id, name=name, args=args, result="(no result was given)", outcome="unknown")


def _content(message: ChatMessage, place: str, files: bool) -> _Content:
    if not isinstance(message.content, list):
        return _Content(message.content or message.refusal or "", (), ())
    parts = [_part(part, f"{place}/content/{at}", files) for at, part in enumerate(message.content)]
    texts = [part for part in parts if isinstance(part, str) and part]
    attachments: list[Attachment] = []
    order: list[str | int] = []
    for part in parts:
        if isinstance(part, Attachment):
            order.append(len(attachments))
            attachments.append(part)
        elif part:
            order.append(part)
    usual = order == [*texts[:1], *range(len(attachments))] or not attachments
    return _Content("\n\n".join(texts), tuple(attachments), () if usual else tuple(order))


def _part(part: Part, place: str, files: bool) -> str | Attachment:
    name = f"attachment {place.rpartition('/')[2]}"
    match part:
        case Part(type="text", text=str(text)) | Part(type="refusal", refusal=str(text)):
            return text
        case Part(type="image_url", image_url=image) if image is not None:
            return _data_url(image if isinstance(image, str) else image.url, name, f"{place}/image_url")
        case Part(type="file", file=file) if file is not None and file.file_data is not None:
            name = file.filename or name
            if file.file_data[:5].lower() == "data:":
                return _data_url(file.file_data, name, f"{place}/file")
            return _attachment(name, "application/octet-stream", _base64(file.file_data, f"{place}/file"))
        case Part(type="file", file=File(file_id=str(id))):
            if not files:
                raise wrong(
                    f"{place}/file/file_id",
                    "a file belongs to a thread: name that in metadata.thread_id, or send the file as file_data",
                )
            return Attachment(name=name, content_type="application/octet-stream", file=id)
        case Part(type="file"):
            raise wrong(f"{place}/file", "send the file as file_data, or name an uploaded file by its file_id")
        case Part(type="input_audio", input_audio=audio) if audio is not None:
            return _attachment(name, f"audio/{audio.format}", _base64(audio.data, f"{place}/input_audio"))
        case _:
            raise wrong(place, f"a part of type {part.type!r} is not supported, or lacks the field of its type")


def _data_url(url: str, name: str, place: str) -> Attachment:
    # https://www.rfc-editor.org/rfc/rfc2397
    scheme, _, rest = url.partition(":")
    head, comma, data = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise wrong(place, "send a data: URL; other URLs are not fetched")
    kind, *parameters = head.split(";")
    raw = unquote_to_bytes(data)
    # https://fetch.spec.whatwg.org/#data-url-processor: the last parameter, case-insensitive.
    if parameters and parameters[-1].strip(" ").lower() == "base64":
        raw = _base64(raw.decode("latin-1"), place)
    _check_size(raw, place)
    return _attachment(name, kind.strip().lower() or "text/plain", raw)


def _attachment(name: str, content_type: str, data: bytes) -> Attachment:
    if content_type.startswith("text/") or content_type == "application/json":
        try:
            return Attachment(name=name, content_type=content_type, text=data.decode())
        except UnicodeDecodeError:
            pass
    return Attachment(name=name, content_type=content_type, data=data)


def _base64(data: str, place: str) -> bytes:
    try:
        raw = decoded(data)
    except ValueError:
        raise wrong(place, "this is no base64") from None
    _check_size(raw, place)
    return raw


def _check_size(raw: bytes, place: str) -> None:
    if len(raw) > FILE:
        raise wrong(place, f"an attachment may have {FILE} bytes")


def wrong(place: str, detail: str) -> Problem:
    """Return the problem of an invalid field, by its JSON pointer."""
    return Problem(422, detail, code="invalid", errors=[FieldError(where="body", at=place, detail=detail)])
