"""`TurnRecord`: what is known of a turn while it runs, for those who run it and store its outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Literal, NamedTuple, cast

import msgspec

from answerback.agents.backfill import NO_BACKFILL
from answerback.agents.composer import Composer
from answerback.agents.journal import Journal
from answerback.agents.knowledge.knowledge import Knowledge
from answerback.agents.meter import NULL_METER, Meter
from answerback.agents.presence import NULL_PRESENCE, TurnPresence
from answerback.agents.stream import Stream
from answerback.attention import Attention, attention_of
from answerback.errors import TurnFailed
from answerback.events import Event
from answerback.messages import Message, Retrieval, ToolCall, Usage
from answerback.outgoing import NO_CONTENT, File, ReplyContent
from answerback.replies import Reply, ReplyKind

Command = Literal["mute", "unmute", "subscribe", "unsubscribe"]
"""What people can tell every agent in a thread."""

ReadFile = Callable[[str], Awaitable[bytes]]
"""Returns the content of a file of the thread, by its id. Raises `NoSuchFile`."""

WriteFile = Callable[[File], Awaitable[None]]
"""Stores a file of the thread under its id. Raises `FilesFull`."""


class TurnReply(NamedTuple):
    """A message of a turn: its text, the replies made from it (none where replies stay in the thread), and the rest."""

    text: str
    parts: Sequence[Reply]
    content: ReplyContent | None = None


NO_REPLY = TurnReply("", ())


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reply as its step records it, unless it is a plain text."""

    text: str
    content: ReplyContent | None = None


WRITTEN = str | Written
"""The record of a message: that of a plain text is the text."""


def opened(record: str | Written) -> tuple[str, ReplyContent | None]:
    """Return the text and the content of a recorded message."""
    return (record, None) if isinstance(record, str) else (record.text, record.content)


class TurnRecord:
    """A turn's input, and what it has brought about so far. An agent is given it as a `Turn`."""

    # What most turns leave as it is, is not set for each: an object of up to 30 attributes is much cheaper to make.
    meter: Meter = NULL_METER
    """Counts what is done in this turn."""
    presence: TurnPresence = NULL_PRESENCE
    """What people see of it while it runs."""
    backfill = NO_BACKFILL
    """How messages read from the platform change the thread's history."""
    knowledge: Knowledge | None = None
    """What the agent may look up."""
    public: Collection[str] = ()
    """Names of the tools whose arguments and results a page's visitors may read."""
    usage: Usage | None = None
    """Tokens and model requests used so far; None if no model was called."""
    others = 0
    """The number of replies so far that are not messages of their own."""
    model = b""
    """The agent's own record of this turn, stored with the answer and returned in `history`."""
    output_json = b""
    """The structured output of a typed run, as JSON, stored with the answer."""
    command: Command | None = None
    """A command to all agents in the event, such as mute: the event then does not reach the agent."""

    def __init__(
        self,
        *,
        agent: str,
        events: Sequence[Event],
        history: Sequence[Message],
        attempt: int,
        state: dict[str, Any],
        journal: Journal,
        compose: Composer | None = None,
        system: str = "",
        stream: Stream | None = None,
        attention: Attention = "default",
        read_file: ReadFile | None = None,
        write_file: WriteFile | None = None,
        earlier: Sequence[Message] = (),
    ) -> None:
        self.id = events[-1].id
        self.thread = events[-1].thread
        self.agent = agent
        self.events = events
        self.history = history
        self.attempt = attempt
        self.state = state
        self.input: Any = None
        for event in events:
            if event.input_json:
                self.input = event.input
        self.system = system
        self.attention = attention
        self.journal = journal
        self.stream = stream or Stream()
        self.earlier = earlier
        """Messages of these events that an interrupted or failed turn left in the thread's history."""
        self.tools: list[ToolCall] = []
        """The tools that a model called in this turn."""
        self.retrievals: list[Retrieval] = []
        """What was looked up in this turn."""
        self.unknown: set[str] = set()
        """Ids of the tool calls whose outcome is unknown."""
        self.replies: list[TurnReply] = []
        """The messages so far."""
        self.checks: dict[str, str] = {}
        """The keys of the check runs of this turn, by name."""
        self._compose = compose or Composer(None, events[-1])
        self.posted = self._compose.posts
        """Whether its replies are posted on a platform."""
        self._read_file = read_file
        self._write_file = write_file

    def _check(self, text: object) -> None:
        """Raise `TypeError` or `TurnFailed` for a reply that cannot be stored."""
        if not isinstance(text, str):
            raise TypeError(f'agent "{self.agent}" replied with {type(text).__name__}; a reply must be a str')
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise TurnFailed(f'agent "{self.agent}" replied with text that is not valid Unicode: {error}') from None

    def conclude(self, text: str) -> None:
        """Add the turn's last reply, which is stored with the commit."""
        self._check(text)
        ordinal = len(self.replies)
        self.stream.whole(ordinal, text)
        self.replies.append(TurnReply(text, self._compose.message(f"{self.id}.{ordinal}", text)))

    def unfinished(self, text: str) -> Sequence[Reply]:
        """Return the replies of a message that its agent did not finish."""
        return self._compose.message(f"{self.id}.{len(self.replies)}", text)

    def remark(self, text: str) -> None:
        """Add an intermediate message to the thread's history only; it is not posted."""
        self.stream.whole(len(self.replies), text)
        self.replies.append(TurnReply(text, ()))

    def _said(self, ordinal: int, reply: str | Written, parts: Sequence[Reply]) -> None:
        """Keep a message that is stored."""
        text, content = opened(reply)
        self.replies[ordinal] = TurnReply(text, parts, content)
        self._stream_message(ordinal)

    def _other_key(self, kind: ReplyKind) -> str:
        """Return the key of a reply that is not a message of its own, the same in every attempt."""
        self.others += 1
        return f"{self.id}.{kind}{self.others - 1}"

    def _changed(self, kind: ReplyKind, key: str, written: Written) -> None:
        """Apply a stored change to the messages of this turn."""
        content = written.content or NO_CONTENT
        if kind == "check":
            self.checks.setdefault(content.check, key)
        ordinal = self._own(content.target)
        if ordinal is None or kind not in ("edit", "delete"):
            return
        old = self.replies[ordinal]
        if kind == "delete":
            new = TurnReply("", old.parts)
        else:
            files = old.content.files if old.content else ()
            rest = ReplyContent(actions=content.actions, files=files) if content.actions or files else None
            new = TurnReply(written.text, old.parts, rest)
        self.replies[ordinal] = new
        self._stream_message(ordinal)

    def _stream_message(self, ordinal: int) -> None:
        message = self.replies[ordinal]
        self.stream.whole(ordinal, message.text)
        self.stream.actions(ordinal, message.content.actions if message.content else ())

    def _own(self, key: str) -> int | None:
        """Return the number of the message with this key; None if it is none of this turn."""
        turn, _, number = key.partition(".")
        if turn != self.id or not number.isdecimal() or int(number) >= len(self.replies):
            return None
        return int(number)

    def _add_retrieval(self, retrieval: Retrieval) -> None:
        """Add what was looked up, and stream it."""
        retrieval = msgspec.structs.replace(retrieval, id=f"{self.id}.r{len(self.retrievals)}")
        self.retrievals.append(retrieval)
        self.stream.retrieval(retrieval)

    def recall(self, name: str, value: bytes) -> None:
        """Restore what happened inside a step that is not run again: a reply, a retrieval, the thread's attention."""
        match name.rpartition(">")[2].partition("#")[0]:
            case "reply":
                self._recall_message("message", msgspec.msgpack.decode(value, type=WRITTEN))
            case "reply.review":
                self._recall_message("review", msgspec.msgpack.decode(value, type=Written))
            case "reply.edit" | "reply.delete" | "reply.reaction" | "reply.check" | "reply.form" as step:
                kind = cast("ReplyKind", step.partition(".")[2])
                self._changed(kind, self._other_key(kind), msgspec.msgpack.decode(value, type=Written))
            case "retrieve":
                self._add_retrieval(msgspec.msgpack.decode(value, type=Retrieval))
            case "thread.attention":
                self.attention = attention_of(msgspec.msgpack.decode(value, type=str))

    def recall_rest(self) -> None:
        """Restore what earlier attempts did and this one, which is stopped, did not come to: its replies are posted."""
        for name, value in self.journal.unrequested:
            self.recall(name, value)

    def _recall_message(self, kind: Literal["message", "review"], written: str | Written) -> None:
        ordinal = len(self.replies)
        self.replies.append(NO_REPLY)
        key = f"{self.id}.{ordinal}"
        text, content = opened(written)
        if kind == "review":
            self._said(ordinal, written, self._compose.other(key, kind, content or NO_CONTENT, text))
        else:
            self._said(ordinal, written, self._compose.message(key, text, content))
