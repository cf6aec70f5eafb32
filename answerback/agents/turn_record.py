"""`TurnRecord`: what is known of a turn while it runs, for those who run it and store its outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Literal

import msgspec

from answerback.agents.journal import Journal
from answerback.agents.knowledge.knowledge import Knowledge
from answerback.agents.meter import NULL_METER, Meter
from answerback.agents.stream import Stream
from answerback.attention import Attention, attention_of
from answerback.errors import TurnFailed
from answerback.events import Event
from answerback.messages import Message, Retrieval, ToolCall, Usage
from answerback.replies import Reply

Command = Literal["mute", "unmute", "subscribe", "unsubscribe"]
"""What people can tell every agent in a thread."""

Compose = Callable[[str, int, str], Sequence[Reply]]
"""Makes the replies of a message from the turn's id, the message's number and its text."""

ReadFile = Callable[[str], Awaitable[bytes]]
"""Returns the content of a file of the thread, by its id. Raises `NoSuchFile`."""


class TurnRecord:
    """A turn's input, and what it has brought about so far. An agent is given it as a `Turn`."""

    def __init__(
        self,
        *,
        agent: str,
        events: Sequence[Event],
        history: Sequence[Message],
        attempt: int,
        state: dict[str, Any],
        journal: Journal,
        compose: Compose,
        system: str = "",
        stream: Stream | None = None,
        attention: Attention = "default",
        read_file: ReadFile | None = None,
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
        self.meter: Meter = NULL_METER
        """Counts what is done in this turn."""
        self.earlier = earlier
        """Messages of these events that an interrupted or failed turn left in the thread's history."""
        self.tools: list[ToolCall] = []
        """The tools that a model called in this turn."""
        self.retrievals: list[Retrieval] = []
        """What was looked up in this turn."""
        self.knowledge: Knowledge | None = None
        """What the agent may look up."""
        self.unknown: set[str] = set()
        """Ids of the tool calls whose outcome is unknown."""
        self.public: Collection[str] = ()
        """Names of the tools whose arguments and results a page's visitors may read."""
        self.usage: Usage | None = None
        """Tokens and model requests used so far; None if no model was called."""
        self.replies: list[tuple[str, Sequence[Reply]]] = []
        """The messages so far: each text, and the replies made from it (none where replies stay in the thread)."""
        self.model = b""
        """The agent's own record of this turn, stored with the answer and returned in `history`."""
        self.output_json = b""
        """The structured output of a typed run, as JSON, stored with the answer."""
        self.command: Command | None = None
        """A command to all agents in the event, such as mute: the event then does not reach the agent."""
        self._compose = compose
        self._read_file = read_file

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
        self.stream.whole(len(self.replies), text)
        self.replies.append((text, self._compose(self.id, len(self.replies), text)))

    def remark(self, text: str) -> None:
        """Add an intermediate message to the thread's history only; it is not posted."""
        self.stream.whole(len(self.replies), text)
        self.replies.append((text, ()))

    def _add_retrieval(self, retrieval: Retrieval) -> None:
        """Add what was looked up, and stream it."""
        retrieval = msgspec.structs.replace(retrieval, id=f"{self.id}.r{len(self.retrievals)}")
        self.retrievals.append(retrieval)
        self.stream.retrieval(retrieval)

    def recall(self, name: str, value: bytes) -> None:
        """Restore what happened inside a step that is not run again: a reply, a retrieval, the thread's attention."""
        match name.rpartition(">")[2].partition("#")[0]:
            case "reply":
                self.conclude(msgspec.msgpack.decode(value, type=str))
            case "retrieve":
                self._add_retrieval(msgspec.msgpack.decode(value, type=Retrieval))
            case "thread.attention":
                self.attention = attention_of(msgspec.msgpack.decode(value, type=str))
