"""Stream events: what a turn produces while it runs. Workers write them, ingress and the pages read them.

A stream event is stored, published and sent as its kind and its JSON; the kind is not part of the JSON. The table in
docs/api.md, the schemas of the OpenAPI document and the types of the pages are generated from the structs here.

Fields and kinds may be added: `decode_event` ignores fields it does not know, and returns `UnknownEvent` for a kind it
does not know. No field may change its type or disappear, because processes of two versions share a stream during a
deploy. A field has a default if not every reader gets it: see `VISITORS` in ingress.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from answerback.messages import Author, Document, Usage
from answerback.outgoing import Button, Select

DoneStatus = Literal["completed", "cancelled", "interrupted", "dropped", "ignored"]

_encode = msgspec.json.Encoder().encode

EncodedEvent = tuple[str, bytes]
"""A stream event as it is written: its kind and its JSON."""

TurnId = Annotated[str, Meta(description="the id of the turn")]
EventIds = Annotated[tuple[str, ...], Meta(description="the ids of the messages that the turn answers")]
Code = Annotated[str, Meta(examples=["agent_failed", "invalid_input", "timeout", "limit", "unreachable"])]
Public = Annotated[bool, Meta(description="the tool is declared public: visitors see its calls")]


class TurnMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a turn answers."""

    id: str
    text: str
    author: Author | None = None


class TurnEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A turn begins. It replaces an unfinished turn for any of the same messages."""

    kind: ClassVar[str] = "turn"
    turn: TurnId
    attempt: Annotated[int, Meta(description="1 for the first attempt")] = 0
    agent: Annotated[str, Meta(description="the name of the agent that answers")] = ""
    events: EventIds
    messages: Annotated[tuple[TurnMessage, ...], Meta(description="these messages: `id`, `text`, `author`")]


class TextEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Text was written: the message is now `so_far[:at] + text`."""

    kind: ClassVar[str] = "text"
    turn: TurnId
    message: Annotated[str, Meta(description="the id of the message")]
    at: Annotated[int, Meta(description="where the text belongs, in characters (Unicode code points)")]
    text: Annotated[str, Meta(description="the text from there on")]


class ToolCallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A tool is called."""

    kind: ClassVar[str] = "tool_call"
    turn: TurnId
    id: Annotated[str, Meta(description="the id of the call")]
    name: Annotated[str, Meta(description="the name of the tool")]
    args: Annotated[Any, Meta(description="its arguments")] = None
    public: Public | UnsetType = UNSET


class ToolResultEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call ended."""

    kind: ClassVar[str] = "tool_result"
    turn: TurnId
    id: Annotated[str, Meta(description="the id of the call")]
    name: Annotated[str, Meta(description="the name of the tool")]
    result: Annotated[Any, Meta(description="its result, or the text of its error")] = None
    outcome: Annotated[
        str,
        Meta(
            description="`unknown` if a worker died during the call, which may have had an effect",
            examples=["done", "failed", "unknown"],
        ),
    ] = ""
    public: Public | UnsetType = UNSET


class RetrievalEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The agent looked something up in its knowledge."""

    kind: ClassVar[str] = "retrieval"
    turn: TurnId
    id: Annotated[str, Meta(description="the id of the retrieval, unique in its turn")]
    query: Annotated[str, Meta(description="what it looked for")]
    documents: Annotated[
        tuple[Document, ...], Meta(description="what it got, the best match first: `source`, `text`, `score`")
    ]
    public: Annotated[bool, Meta(description="the retrieval is declared public: visitors see it")] | UnsetType = UNSET


class ProgressEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The agent says what it is doing, until it says something else or writes."""

    kind: ClassVar[str] = "progress"
    turn: TurnId
    text: Annotated[str, Meta(description="a few words, or empty: that is over")]


class StreamOption(msgspec.Struct, frozen=True):
    """An option of a menu."""

    label: str
    value: str


class StreamAction(msgspec.Struct, frozen=True, kw_only=True):
    """A button or a menu below a message."""

    type: Literal["button", "select"]
    name: Annotated[str, Meta(description="what the agent calls it")]
    label: Annotated[str, Meta(description="its words; of a menu, while nothing is chosen")]
    value: Annotated[str, Meta(description="of a button")] = ""
    style: Literal["", "primary", "danger"] = ""
    url: Annotated[str | None, Meta(description="what a button opens instead")] = None
    options: Annotated[tuple[StreamOption, ...], Meta(description="of a menu")] = ()

    @classmethod
    def of(cls, action: Button | Select) -> Self:
        """Return the view of a button or a menu."""
        if isinstance(action, Select):
            options = tuple(StreamOption(label, value) for label, value in action.options)
            return cls(type="select", name=action.name, label=action.placeholder, options=options)
        # Whatever is no address of the web is none, `javascript:` in particular.
        url = action.url if action.url.lower().startswith(("https://", "http://")) else None
        return cls(type="button", name=action.name, label=action.label, value=action.value, style=action.style, url=url)


class ActionsEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A message has buttons and menus, in place of those that it had."""

    kind: ClassVar[str] = "actions"
    turn: TurnId
    message: Annotated[str, Meta(description="the id of the message")]
    actions: Annotated[tuple[StreamAction, ...], Meta(description="they can be pressed once the turn is done")]


class ReplyEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A reply of a platform's thread was posted, or failed permanently."""

    kind: ClassVar[str] = "reply"
    turn: TurnId
    message: Annotated[str, Meta(description="the key of the reply")]
    state: Annotated[str, Meta(examples=["sent", "failed"])]
    url: Annotated[str, Meta(description="where it is, if the platform tells")]


class RetryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of the turn failed; another one follows."""

    kind: ClassVar[str] = "retry"
    turn: TurnId
    reason: Annotated[str, Meta(description="why it failed, as the reader may see it")]
    # Workers of earlier versions write none.
    code: Code = "agent_failed"
    attempt: Annotated[int, Meta(description="the attempt that failed")] = 0
    seconds: Annotated[float, Meta(description="seconds until the next attempt")]


class DoneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The turn ended without failing."""

    kind: ClassVar[str] = "done"
    turn: TurnId
    events: EventIds
    status: Annotated[
        str,
        Meta(
            description="interrupted: another turn answers its messages; dropped: the agent is busy; ignored: no agent "
            "answers",
            examples=list(get_args(DoneStatus)),
        ),
    ]
    message: Annotated[str, Meta(description="the id of the last message of the answer, or empty")]
    messages: Annotated[tuple[str, ...], Meta(description="the ids of all messages of the answer")]
    usage: Annotated[Usage | None, Meta(description="of language models, if any were used")] = None
    reason: Annotated[str, Meta(description="why no agent answers, or empty")] = ""


class ErrorEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The turn failed permanently and is a dead letter."""

    kind: ClassVar[str] = "error"
    turn: TurnId
    events: EventIds
    reason: Annotated[str, Meta(description="why it failed, as the reader may see it")]
    code: Code


class GoneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The thread was deleted. This is its last event, and it is not stored."""

    kind: ClassVar[str] = "gone"
    turn: Annotated[str, Meta(description="empty")]
    reason: Annotated[str, Meta(description="why the stream ends")]


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a kind that a later version added."""

    kind: ClassVar[str] = ""
    turn: str = ""


StreamEvent = (
    TurnEvent
    | TextEvent
    | ToolCallEvent
    | ToolResultEvent
    | RetrievalEvent
    | ProgressEvent
    | ActionsEvent
    | ReplyEvent
    | RetryEvent
    | DoneEvent
    | ErrorEvent
    | GoneEvent
)

KINDS: dict[str, type[StreamEvent]] = {each.kind: each for each in get_args(StreamEvent)}
"""The struct of each kind."""

_decoders = {kind: msgspec.json.Decoder(struct) for kind, struct in KINDS.items()}
_unknown = msgspec.json.Decoder(UnknownEvent)


def encode_event(event: StreamEvent) -> EncodedEvent:
    """Return a stream event as it is written. Raises `TypeError` for a tool's arguments that are not JSON."""
    return event.kind, _encode(event)


def decode_event(kind: str, data: bytes) -> StreamEvent | UnknownEvent:
    """Return a stream event from its kind and its JSON. Raises `msgspec.DecodeError`."""
    return _decoders.get(kind, _unknown).decode(data)
