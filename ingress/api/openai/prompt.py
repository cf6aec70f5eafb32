"""What an agent is given of a request: instructions, the conversation so far, and what is said to it now."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from answerback.messages import Attachment, Message

from ...problems import Place, Problem
from ..incoming import ATTACHMENTS, FILE
from .request import ChatMessage, Part


class Prompt(NamedTuple):
    """A request's messages, as an agent is given them."""

    system: str
    context: tuple[Message, ...]
    text: str
    attachments: tuple[Attachment, ...]


def prompt(messages: Sequence[ChatMessage]) -> Prompt:
    """Read them: the last one is said now, what came before is context. Raises `Problem`: 422."""
    system, context = [], []
    last = max((at for at, message in enumerate(messages) if message.role not in ("system", "developer")), default=-1)
    if last < 0 or messages[last].role == "assistant":
        raise wrong("/messages", "the last message must be one to answer: of the role user, or of a tool")
    said = Prompt("", (), "", ())
    for at, message in enumerate(messages):
        text, attachments = _content(message, f"/messages/{at}")
        if message.role in ("system", "developer"):
            system.append(text)
        elif at == last:
            said = Prompt("", (), text, attachments)
        elif message.role == "assistant":
            if text:
                context.append(Message(role="assistant", text=text, turn=str(at)))
        else:
            context.append(Message(role="user", text=text, turn=str(at), attachments=attachments))
    if sum(len(message.attachments) for message in context) + len(said.attachments) > ATTACHMENTS:
        raise wrong("/messages", f"a request may have {ATTACHMENTS} attachments")
    return said._replace(system="\n\n".join(filter(None, system)), context=tuple(context))


def _content(message: ChatMessage, place: str) -> tuple[str, tuple[Attachment, ...]]:
    if isinstance(message.content, list):
        found = [_part(part, f"{place}/content/{at}") for at, part in enumerate(message.content)]
        text = "\n\n".join(part for part in found if isinstance(part, str) and part)
        attachments = tuple(part for part in found if isinstance(part, Attachment))
    else:
        text, attachments = message.content or "", ()
    if message.role in ("tool", "function"):
        # The caller's own tools: our agents run theirs themselves.
        text = f"Result of {message.name or 'a tool'}: {text}"
    return text, attachments


def _part(part: Part, place: str) -> str | Attachment:
    name = f"attachment {place.rpartition('/')[2]}"
    match part:
        case Part(type="text", text=str(text)) | Part(type="refusal", refusal=str(text)):
            return text
        case Part(type="image_url", image_url=image) if image is not None:
            return _data_url(image if isinstance(image, str) else image.url, name, f"{place}/image_url")
        case Part(type="file", file=file) if file is not None and file.file_data is not None:
            name = file.filename or name
            if file.file_data.startswith("data:"):
                return _data_url(file.file_data, name, f"{place}/file")
            return _attachment(name, "application/octet-stream", _base64(file.file_data.encode(), f"{place}/file"))
        case Part(type="file"):
            raise wrong(f"{place}/file", "send the file itself as file_data: no files are kept here")
        case Part(type="input_audio", input_audio=audio) if audio is not None:
            return _attachment(name, f"audio/{audio.format}", _base64(audio.data.encode(), f"{place}/input_audio"))
        case _:
            raise wrong(place, f"a part of type {part.type!r} is not understood, or lacks what its type names")


def _data_url(url: str, name: str, place: str) -> Attachment:
    # https://www.rfc-editor.org/rfc/rfc2397
    scheme, _, rest = url.partition(":")
    head, comma, data = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise wrong(place, "send a data: URL: nothing is fetched from elsewhere")
    kind, *parameters = head.split(";")
    raw = unquote_to_bytes(data)
    if "base64" in parameters:
        raw = _base64(raw, place)
    return _attachment(name, kind or "text/plain", raw)


def _attachment(name: str, content_type: str, data: bytes) -> Attachment:
    if content_type.startswith("text/") or content_type == "application/json":
        try:
            return Attachment(name=name, content_type=content_type, text=data.decode())
        except UnicodeDecodeError:
            pass
    return Attachment(name=name, content_type=content_type, data=data)


def _base64(data: bytes, place: str) -> bytes:
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise wrong(place, "this is no base64") from None
    if len(raw) > FILE:
        raise wrong(place, f"an attachment may have {FILE} bytes")
    return raw


def wrong(place: str, detail: str) -> Problem:
    """A wrong field, by its JSON pointer."""
    return Problem(422, detail, code="invalid", errors=[Place(where="body", at=place, detail=detail)])
