"""Request models of messages and attachments, with their size limits."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from answerback.errors import InvalidInput
from answerback.events import Event
from answerback.files import StoredFile
from answerback.messages import Attachment, Author
from answerback.store.chats.dispatches import text_of
from answerback.structured import encoded

from ..route import Model
from .base64_text import PATTERN, decoded

CONTENT = 100_000
DOCUMENT = 200_000
FILE = 1_048_576
JSON = 65_536
ATTACHMENTS = 10
BODY = 6_291_456

Arrival = Literal["queue", "merge", "debounce", "interrupt", "drop"]


def _small(limit: int) -> AfterValidator:
    def check(value: Any) -> Any:
        if len(json.dumps(value, ensure_ascii=False).encode()) > limit:
            raise ValueError(f"exceeds {limit} bytes as JSON")
        return value

    return AfterValidator(check)


def _storable(value: Any) -> Any:
    try:
        encoded(value)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return value


def _decodable(value: str) -> str:
    if len(decoded(value)) > FILE:
        raise ValueError(f"exceeds {FILE} bytes")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
ContentType = Annotated[str, StringConstraints(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+( *; *[\w.+-]+=[\w.+-]+)*$")]
Input = Annotated[Any, AfterValidator(_storable)]
Metadata = Annotated[dict[str, Any], _small(16_384)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
AgentName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.-]+$")]
FileId = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_-]{1,64}\.[0-9a-f]{20}$")]
Title = Annotated[str, StringConstraints(max_length=300)]
System = Annotated[str, StringConstraints(max_length=32_000)]


class TextDocument(Model):
    """A text document."""

    type: Literal["text"]
    name: Name
    content_type: ContentType = "text/plain"
    text: Annotated[str, StringConstraints(max_length=DOCUMENT)]

    def attachment(self) -> Attachment:
        """Return it as an `Attachment`."""
        return Attachment(name=self.name, content_type=self.content_type, text=self.text)


class JsonContext(Model):
    """JSON context for the agent: a lead, an order, what the page shows."""

    type: Literal["json"]
    name: Name = "context"
    data: Annotated[Any, _small(JSON)]

    def attachment(self) -> Attachment:
        """Return it as an `Attachment`."""
        text = json.dumps(self.data, ensure_ascii=False)
        return Attachment(name=self.name, content_type="application/json", text=text)


class FileAttachment(Model):
    """A small file, as base64."""

    type: Literal["file"]
    name: Name
    content_type: ContentType
    data: Annotated[
        str,
        StringConstraints(max_length=FILE * 3 // 2),
        AfterValidator(_decodable),
        Field(json_schema_extra={"contentEncoding": "base64", "pattern": PATTERN}),
    ]

    def attachment(self) -> Attachment:
        """Return it as an `Attachment`."""
        return Attachment(name=self.name, content_type=self.content_type, data=decoded(self.data))


AnyAttachment = Annotated[TextDocument | JsonContext | FileAttachment, Field(discriminator="type")]


_HAS_TEXT: JsonDict = {"properties": {"content": {"pattern": r"\S"}}, "required": ["content"]}
_HAS_ATTACHMENT: JsonDict = {"properties": {"attachments": {"minItems": 1}}, "required": ["attachments"]}
_HAS_INPUT: JsonDict = {"properties": {"input": {"not": {"type": "null"}}}, "required": ["input"]}
_HAS_FILE: JsonDict = {"properties": {"files": {"minItems": 1}}, "required": ["files"]}
_ALONE = "an action has no content, attachments, files or input"
_NOT_EMPTY: JsonDict = {"anyOf": [_HAS_TEXT, _HAS_ATTACHMENT, _HAS_FILE, _HAS_INPUT]}


class Content(Model):
    """The content of a message."""

    model_config = ConfigDict(json_schema_extra=_NOT_EMPTY)

    content: Annotated[str, StringConstraints(max_length=CONTENT)] = ""
    attachments: Annotated[list[AnyAttachment], Field(max_length=ATTACHMENTS)] = Field([])
    files: Annotated[list[FileId], Field(max_length=ATTACHMENTS)] = Field(
        [], description="ids of files that were uploaded to this thread; they are attachments, too"
    )
    input: Input = Field(
        None,
        description="structured input for the agent, `turn.input`; without `content`, its member `text` is the message",
    )
    arrival: Arrival | None = Field(
        None,
        description="what happens if the agent is working or messages are waiting; default: the agent's own setting",
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        given = bool(re.search(r"\S", self.content) or self.attachments or self.files) or self.input is not None
        if given == self._is_pressed:
            raise ValueError(_ALONE if given else "a message needs content, an attachment, a file or input")
        return self

    @property
    def _is_pressed(self) -> bool:
        return False

    def event(self, message: str, files: Sequence[StoredFile] = (), *, visitor: bool = False) -> Event:
        """Return the message as an `Event`.

        Args:
            message: Its id in the thread.
            files: The files that it names.
            visitor: Whether a page's visitor wrote it.
        """
        input_json = b"" if self.input is None else encoded(self.input)
        return Event(
            delivery="",
            thread="",
            kind="message",
            text=self.content or text_of(self.input) or input_json.decode(),
            author=Author(""),
            message=message,
            visitor=visitor,
            arrival=self.arrival or "",
            input_json=input_json,
            attachments=(*(attachment.attachment() for attachment in self.attachments), *map(uploaded, files)),
        )


def uploaded(file: StoredFile) -> Attachment:
    """Return the attachment of a message that names an uploaded file."""
    return Attachment(name=file.name, content_type=file.content_type, file=file.id, size=file.size)


# The allowed combinations rather than a `not`: tools that generate requests from a schema can use them.
_STREAM_OR_RECEIPT: JsonDict = {
    "anyOf": [{"properties": {"stream": {"const": False}}}, {"properties": {"wait": {"const": True}}}],
}


_PRESSED: JsonDict = {
    "properties": {
        "action": {"type": "object"},
        "content": {"const": ""},
        "attachments": {"maxItems": 0},
        "files": {"maxItems": 0},
        "input": {"type": "null"},
    },
    "required": ["action"],
}
_WRITTEN: JsonDict = {**_NOT_EMPTY, "properties": {"action": {"type": "null"}}}


class Pressed(Model):
    """A pressed button, or a chosen option of a menu."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        description="the id of the agent's message that has it"
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = Field(
        description="the button's or menu's `name`"
    )
    option: Annotated[str, StringConstraints(max_length=2000)] = Field("", description="the `value` of a menu's option")


class NewMessage(Content):
    """A message, and how to respond to it."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_PRESSED, _WRITTEN], "allOf": [_STREAM_OR_RECEIPT]})

    action: Pressed | None = Field(
        None, description="what was pressed, instead of a message: the agent gets it as `turn.event.action`"
    )
    stream: bool = Field(False, description="respond with server-sent events")
    wait: bool = Field(True, description="false: respond 202 with a receipt as soon as the message is stored")

    @property
    def _is_pressed(self) -> bool:
        return self.action is not None

    @model_validator(mode="after")
    def _stream_or_receipt(self) -> Self:
        if self.stream and not self.wait:
            raise ValueError("stream: true and wait: false cannot be combined")
        return self
