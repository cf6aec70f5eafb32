"""`Dialog`: one conversation with an agent, in memory."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from answerback.agents.agent import Agent
from answerback.agents.memory import MemoryThread
from answerback.dialogs.pieces import Pieces
from answerback.dialogs.position import Position, decoded
from answerback.errors import ConfigurationError
from answerback.flows import load
from answerback.messages import Attachment, Author, Message
from answerback.store.stream.events import StreamEvent, UnknownEvent

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from answerback.flows.definition import Flow

USER = Author("user")


class Dialog:
    """One conversation with an agent in this process: no server, no worker, no Redis.

    A turn that fails or is cancelled changes nothing, and may be tried again. There is no journal: what such a turn
    did outside is done again.

    Args:
        agent: The agent; or else a flow, with the model and the tools that it needs.
        flow: A dialog flow: a file, or its data.
        model: The model of the flow, for example "anthropic:claude-haiku-4-5".
        tools: The tools of the flow.
        id: Identifies the conversation. Random by default.
        timeout: Seconds that a turn may take, unless the agent says otherwise.
        saved: What `save` returned, to continue from there.

    Raises:
        ConfigurationError: The agent or the flow is invalid.

    Example:
        dialog = Dialog(flow="kyc.json")
        print(await dialog.turn("hello"))
    """

    def __init__(
        self,
        agent: Agent | None = None,
        *,
        flow: str | Path | Mapping[str, Any] | Flow | None = None,
        model: str | Model | None = None,
        tools: Sequence[Any] = (),
        id: str = "",
        timeout: float = 300.0,
        saved: bytes = b"",
    ) -> None:
        self.id = id or secrets.token_hex(8)
        self._agent = agent_of(agent, flow, model, tools)
        self._timeout = timeout
        self._position = decoded(saved)
        self._turns = asyncio.Lock()
        self._thread: MemoryThread | None = None

    @property
    def history(self) -> list[Message]:
        """The messages of the committed turns, oldest first: as many as the agent is given (`Agent(messages=…)`)."""
        return list(self._position.history)

    def save(self) -> bytes:
        """Return where the dialog is after its last committed turn, for `Dialog(saved=…)`."""
        return self._position.encoded()

    async def turn(self, text: str, *, author: Author = USER, attachments: Sequence[Attachment] = ()) -> str:
        """Send a message, and return the reply; "" if the agent is silent. Turns run one after the other.

        Raises:
            TimeExceeded: The turn took too long.
            Exception: Whatever the agent raises.
        """
        async with self._turns:
            return await self._run(text, author, attachments)

    async def stream(
        self, text: str, *, author: Author = USER, attachments: Sequence[Attachment] = ()
    ) -> AsyncGenerator[str, None]:
        """Send a message, and yield the reply in pieces as it is written. Raises what `turn` raises, in the end.

        The turn is committed when the iteration ends. Closing the iterator earlier cancels it.
        """
        async with self._turns:
            events: asyncio.Queue[StreamEvent | UnknownEvent | None] = asyncio.Queue()
            running = asyncio.create_task(self._run(text, author, attachments, events))
            running.add_done_callback(lambda _: events.put_nowait(None))
            pieces = Pieces()
            try:
                while (event := await events.get()) is not None:
                    if piece := pieces.of(event):
                        yield piece
                if rest := pieces.rest(await running):
                    yield rest
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def reset(self) -> None:
        """Forget everything: the next message is the first."""
        async with self._turns:
            await self._commit(Position())

    async def _run(
        self,
        text: str,
        author: Author,
        attachments: Sequence[Attachment],
        events: asyncio.Queue[StreamEvent | UnknownEvent | None] | None = None,
    ) -> str:
        start = self._position
        # A thread for each turn: what an abandoned turn left behind goes with it.
        thread = MemoryThread(
            self._agent,
            id=f"chat:default:{self.id}",
            timeout=self._timeout,
            history=start.history,
            state=start.state,
            agent=start.agent,
        )
        if events is not None:
            thread.follow(events.put_nowait)
        self._thread = thread
        try:
            reply = await thread.say(text, author=author, attachments=attachments)
        finally:
            self._thread = None
        history = thread.history[-self._agent.messages :] if self._agent.messages else []
        await self._commit(Position(tuple(history), thread.encoded_state, thread.agent))
        return reply

    async def _commit(self, position: Position) -> None:
        """End a turn: the next one starts from here."""
        self._position = position

    def _cancel(self) -> None:
        """Cancel the turn that runs."""
        if self._thread is not None:
            self._thread.cancel()


def agent_of(
    agent: Agent | None,
    flow: str | Path | Mapping[str, Any] | Flow | None,
    model: str | Model | None,
    tools: Sequence[Any],
) -> Agent:
    """Return the agent, or one of the flow. Raises `ConfigurationError`."""
    if agent is None:
        if flow is None:
            raise ConfigurationError('name what answers: Dialog(flow="kyc.json"), or an agent: Dialog(Agent(…))')
        # Loaded here, so that all its mistakes are named before the first message.
        agent = Agent("dialog", flow=load(flow), model=model, tools=tools)
    elif flow is not None or model is not None or tools:
        raise ConfigurationError(f'flow=, model= and tools= are of the agent "{agent.name}": give them to Agent(…)')
    agent.prepare()
    return agent
