"""`Turn`: the events and history that an agent is given, and its methods to reply and to run steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from answerback import tracing
from answerback.agents.journal import current_step
from answerback.agents.knowledge.knowledge import SEARCH_KNOWLEDGE
from answerback.agents.presence import WORDS
from answerback.agents.turn_replies import TurnReplies
from answerback.attention import Attention, attention_of
from answerback.errors import NoEffect, NoSuchFile, TurnFailed
from answerback.events import Event
from answerback.messages import Attachment, Document, Retrieval

T = TypeVar("T")


class Turn(TurnReplies):
    """One run of an agent over a thread's waiting events. The agent supplies the text, never the destination.

    Attributes:
        id (str): The turn's id: the dispatch id of the event it answers, the same in every attempt.
        thread (str): The thread's id, such as "github:1296269:1347".
        agent (str): The name of the running agent.
        events (Sequence[Event]): The events to answer, oldest first.
        history (Sequence[Message]): Earlier messages of the thread within the agent's limits, oldest first.
        attempt (int): 1, or more if earlier attempts failed or their worker died.
        system (str): Extra instructions from the thread's owner, usually "".
        input (Any): The structured input of the newest event that has one: plain JSON data, or what the agent's `input`
            type makes of it; None if no event has any.
        attention (Attention): How attentive agents are in this thread: "default", "subscribed" or "muted".
        state (dict[str, Any]): The agent's own data, kept between turns of this thread: plain data, committed with the
            turn.

    Example:
        async def helper(turn: Turn) -> str:
            await turn.reply("Let me have a look.")
            order = await turn.step("order", find_order, turn.text)
            turn.state["orders"] = turn.state.get("orders", 0) + 1
            return f"Your order is {order}."
    """

    @property
    def event(self) -> Event:
        """The newest event."""
        return self.events[-1]

    @property
    def text(self) -> str:
        """The text of all events."""
        return "\n\n".join(event.text for event in self.events)

    @property
    def attachments(self) -> list[Attachment]:
        """The attachments of all events."""
        return [attachment for event in self.events for attachment in event.attachments]

    async def read(self, attachment: Attachment) -> bytes:
        """Return the content of an attachment: of a text in UTF-8, of an uploaded file from the store.

        Uploaded files are not part of `history` and `events`, since they may be large: read those that you need.

        Raises:
            NoSuchFile: The file was deleted, or could not be fetched from its platform.

        Example:
            async def count(turn: Turn) -> str:
                sizes = [len(await turn.read(attachment)) for attachment in turn.attachments]
                return f"{sum(sizes)} bytes"
        """
        if attachment.problem or attachment.remote:
            raise NoSuchFile(f"{attachment.name}: {attachment.problem or 'it was not fetched from its platform'}")
        if not attachment.file:
            return attachment.data or attachment.text.encode()
        if self._read_file is None:
            raise NoSuchFile(f"{attachment.name} was uploaded to another store")
        return await self._read_file(attachment.file)

    async def retrieve(self, query: str, limit: int = 5) -> list[Document]:
        """Return what matches best in the agent's knowledge. Another attempt of the turn gets the same.

        It is shown as a retrieval in the thread's stream and transcript.

        Args:
            query: What to look for: words, or a question.
            limit: The most documents to return, 20 at most.

        Raises:
            TurnFailed: The agent is declared without `knowledge`.

        Example:
            async def support(turn: Turn) -> str:
                documents = await turn.retrieve(turn.text)
                return documents[0].text if documents else "I do not know."
        """
        knowledge = self.knowledge
        if knowledge is None:
            raise TurnFailed(
                f'agent "{self.agent}" has no knowledge: declare Agent("{self.agent}", …, knowledge="docs/")'
            )

        async def search() -> Retrieval:
            public = SEARCH_KNOWLEDGE in self.public
            return Retrieval(query=query, documents=await knowledge.retrieve(query, limit), public=public)

        retrieval = await self.journal.step("retrieve", search, idempotent=True, kind=Retrieval)
        self._add_retrieval(retrieval)
        return list(retrieval.documents)

    def progress(self, words: str) -> None:
        """Tell people what the turn is doing: in Slack's status line, on the API's streams, in the widget.

        Nothing is stored, and nothing is certain to be shown: only the newest words are, at most once a second. They
        are taken away with the end of the turn. A model's tool calls show "Using <tool>…" by themselves.

        Args:
            words: A few words, 100 characters at most, such as "Searching the tracker…"; "" takes them away.

        Raises:
            TypeError: `words` is not a string.

        Example:
            turn.progress("Searching the tracker…")
            issues = await turn.step("search", search, turn.text, idempotent=True)
        """
        if not isinstance(words, str):
            raise TypeError(f"progress takes a str, not {type(words).__name__}")
        words = words.strip()
        self.presence.progress(words)
        self.stream.progress(words[:WORDS])

    async def subscribe(self) -> None:
        """Answer every message of this thread from now on, also without a mention.

        It is kept with the thread, as of the turn's commit. It applies to agents with "subscribed" in `Listen(when=…)`.
        """
        await self._attend("subscribed")

    async def unsubscribe(self) -> None:
        """Answer in this thread as usual again, if it is subscribed."""
        await self._attend("default" if self.attention == "subscribed" else self.attention)

    async def mute(self) -> None:
        """Answer in this thread only if mentioned, from now on. Other messages become part of its history.

        It is kept with the thread, as of the turn's commit. In a chat it has no effect: each message is for the agent.
        """
        await self._attend("muted")

    async def unmute(self) -> None:
        """Answer in this thread as usual again, if it is muted."""
        await self._attend("default" if self.attention == "muted" else self.attention)

    async def _attend(self, attention: Attention) -> None:
        async def decided() -> str:
            return attention

        # Recorded, since a tool that decided it is not run again by another attempt.
        self.attention = attention_of(await self.journal.step("thread.attention", decided, idempotent=True, kind=str))

    def write(self, chunk: str) -> None:
        """Stream a piece of the next reply to the thread's followers.

        It is shown while the turn runs and not stored: the reply is what the agent posts or returns. An async generator
        function does this for each piece that it yields.
        """
        self.stream.text(len(self.replies), chunk)

    def show(self, text: str) -> None:
        """Stream the next reply as it stands, replacing whatever was shown of it."""
        self._check(text)
        self.stream.again(len(self.replies))
        self.stream.text(len(self.replies), text)

    async def step(
        self, name: str, run: Callable[..., Awaitable[T]], *args: Any, idempotent: bool = False, kind: Any = None
    ) -> T:
        """Run something once. Another attempt of the turn gets the recorded result.

        A step that started and left no result, because it raised or its worker died, may have taken effect. If it is
        idempotent, another attempt runs it again, and `turn.key` returns the same key. Otherwise that attempt raises
        `OutcomeUnknown` here, for the agent to catch or for an operator to decide. A step that raises `NoEffect` did
        nothing and is run again.

        Args:
            name: Names the step in the journal. Steps of the same name are numbered in the order of their calls.
            run: An async function.
            *args: Its arguments.
            idempotent: Whether it may be run again after it raised, or its worker died.
            kind: The type of the result, if that is not plain data: a dataclass, a msgspec struct.

        Returns:
            What `run` returned, now or in an earlier attempt.

        Raises:
            OutcomeUnknown: An earlier attempt began the step, which left no result.
            Exception: Whatever `run` raises.

        Example:
            receipt = await turn.step("charge", charge, order)
            await turn.step("label", add_label, issue, "bug", idempotent=True)
        """

        def call() -> Awaitable[T]:
            try:
                return run(*args)
            except TypeError as error:
                # Raised by the call itself and not inside the function: none of it has run.
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise NoEffect(f'step "{name}" was called with wrong arguments: {error}') from error
                raise

        traced = call if tracing.current is None else tracing.current.step(name, call)
        return await self.journal.step(name, traced, idempotent=idempotent, kind=kind, recall=self.recall)

    @property
    def key(self) -> str:
        """The idempotency key of the running step, the same in every attempt. Pass it to services that accept one."""
        return f"{self.id}:{current_step()}"
