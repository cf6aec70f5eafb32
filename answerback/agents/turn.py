"""A turn: what an agent is given, and all that it can do to the world through us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

import msgspec

from answerback.agents.journal import Journal, current_step
from answerback.agents.stream import Stream
from answerback.errors import NoEffect, TurnFailed
from answerback.messages import Attachment, Event, Message, Reply, ToolCall, Usage

T = TypeVar("T")


class Turn:
    """One answer in the making. The agent chooses the words; thread and destination are ours.

    id        the turn's id: the dispatch id of the event it answers, the same in every attempt
    thread    the thread's id, "github:1296269:1347"
    agent     the name of the agent that runs
    events    what is to be answered, oldest first; `event` is the last, `text` all their texts
    history   what was said before in this thread, oldest first, as far as the agent's window reaches
    attempt   1, or more when earlier attempts failed or their worker died
    system    what the thread's owner wants it told, "" for most
    state     what the agent keeps between turns of this thread: plain data, committed with the turn
    """

    def __init__(
        self,
        *,
        agent: str,
        events: Sequence[Event],
        history: Sequence[Message],
        attempt: int,
        state: dict[str, Any],
        journal: Journal,
        compose: Callable[[str, int, str], Sequence[Reply]],
        system: str = "",
        stream: Stream | None = None,
    ) -> None:
        self.id = events[-1].id
        self.thread = events[-1].thread
        self.agent = agent
        self.events = events
        self.history = history
        self.attempt = attempt
        self.state = state
        self.system = system
        self.journal = journal
        self.stream = stream or Stream()
        self.tools: list[ToolCall] = []
        """The tools that a model called in this turn."""
        self.unknown: set[str] = set()
        """Ids of those whose outcome nobody knows."""
        self.public: Collection[str] = ()
        """Names of the tools whose arguments and results a page's visitor may read."""
        self.usage: Usage | None = None
        """What the turn has cost so far, if a model was asked."""
        self.replies: list[tuple[str, Sequence[Reply]]] = []
        """What was said so far: the text, and the replies it became (none where replies stay in the thread)."""
        self.model = b""
        """The agent's own record of this turn, kept with the answer and given back in `history`."""
        self._compose = compose

    @property
    def event(self) -> Event:
        """The newest of the events."""
        return self.events[-1]

    @property
    def text(self) -> str:
        """What was said to us."""
        return "\n\n".join(event.text for event in self.events)

    @property
    def attachments(self) -> list[Attachment]:
        """What came with the events."""
        return [attachment for event in self.events for attachment in event.attachments]

    async def reply(self, text: str) -> None:
        """Say something in this thread. When it returns, the reply is stored and on its way; it appears once.

        May be called several times in a turn. Returning a string from the agent says the same.
        """
        self._check(text)
        ordinal = len(self.replies)
        self.replies.append(("", ()))

        async def said() -> str:
            return text

        # An earlier attempt may have said it in other words: what was said counts.
        said_text = await self.journal.step(
            "reply", said, idempotent=True, kind=str, replies=lambda text: self._compose(self.id, ordinal, text)
        )
        self.replies[ordinal] = (said_text, self._compose(self.id, ordinal, said_text))
        self.stream.whole(ordinal, said_text)

    def conclude(self, text: str) -> None:
        """The turn's last reply: it is stored with the commit."""
        self._check(text)
        self.stream.whole(len(self.replies), text)
        self.replies.append((text, self._compose(self.id, len(self.replies), text)))

    def write(self, chunk: str) -> None:
        """Show a piece of the next reply, before it is whole, to those who follow the thread."""
        self.stream.text(len(self.replies), chunk)

    def show(self, text: str) -> None:
        """Show the next reply as far as it has come, in place of all that was shown of it."""
        self._check(text)
        self.stream.again(len(self.replies))
        self.stream.text(len(self.replies), text)

    def remark(self, text: str) -> None:
        """Keep what was said on the way, in the thread's history only: it is posted nowhere."""
        self.stream.whole(len(self.replies), text)
        self.replies.append((text, ()))

    async def step(
        self, name: str, run: Callable[..., Awaitable[T]], *args: Any, idempotent: bool = False, kind: Any = None
    ) -> T:
        """Do something once: `await turn.step("charge", charge, order)`. Its result must be plain data.

        Another attempt of the turn gets the recorded result. What it raises is raised here. A step that began and
        left no result may have taken effect: it raised, or its worker died. With `idempotent` another attempt runs
        it again, and `turn.key` gives it the same idempotency key; else that attempt raises `OutcomeUnknown` here,
        for the agent to catch, or for an operator to decide. A step that raises `NoEffect` has done nothing, and is
        run again. With a result that is not plain data, `kind` says its type (a dataclass, a msgspec struct).
        """

        def call() -> Awaitable[T]:
            try:
                return run(*args)
            except TypeError as error:
                # Raised by the call itself, not by what was called: nothing of that has run.
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise NoEffect(f'step "{name}" cannot be called like this: {error}') from error
                raise

        return await self.journal.step(name, call, idempotent=idempotent, kind=kind, recall=self.recall)

    def _check(self, text: object) -> None:
        if not isinstance(text, str):
            raise TypeError(f'agent "{self.agent}" replied with {type(text).__name__}; a reply is a str')
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise TurnFailed(f'agent "{self.agent}" replied with what is no text: {error}') from None

    @property
    def key(self) -> str:
        """An idempotency key for the step that runs here: the same whenever it is run again."""
        return f"{self.id}:{current_step()}"

    def recall(self, name: str, value: bytes) -> None:
        """Remember what was said inside a step that is not run again."""
        if name.rpartition(">")[2].startswith("reply#"):
            self.conclude(msgspec.msgpack.decode(value, type=str))
