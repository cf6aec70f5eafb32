"""Store a message and wait until an agent has answered it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from answerback.errors import StoreFull, StoreUnavailable
from answerback.events import Event
from answerback.log import get_logger
from answerback.store.chats.answers import TurnAnswer, answer
from answerback.store.stream.events import (
    ErrorEvent,
    GoneEvent,
    RetryEvent,
    StreamEvent,
    TextEvent,
    ToolCallEvent,
    ToolResultEvent,
    TurnEvent,
    UnknownEvent,
)
from answerback.store.stream.followers import Forgotten

from ..api.context import Principal
from ..api.conversations.conversation import Conversation, PostedMessage
from ..api.conversations.turn_filter import failure

log = get_logger(__name__)

Progress = Callable[[str], Awaitable[None]]
"""Called with a text on each step of a turn."""


class AnswerWaiter:
    """The MCP requests of one ingress process that wait for an answer."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all waits; the messages are stored and will be answered."""
        self._closing.set()

    async def ask(
        self, caller: Principal, thread: str, event: Event, progress: Progress
    ) -> tuple[str, TurnAnswer | None]:
        """Store a message and wait for its answer. Return its id and the answer, or None if it comes later.

        A client that disconnects only ends its wait. Raises what `Chats.say` raises, and `Problem` if the turn failed.
        """
        async with self._conversation.say(caller, thread, event) as posted:
            waiting = asyncio.create_task(self._wait(posted, progress))
            closing = asyncio.create_task(self._closing.wait())
            try:
                await asyncio.wait((waiting, closing), return_when=asyncio.FIRST_COMPLETED)
                result = waiting.result() if waiting.done() else None
            finally:
                waiting.cancel()
                closing.cancel()
                await asyncio.gather(waiting, closing, return_exceptions=True)
        if result:
            self._conversation.refuse_dropped(result)
        return posted.receipt.dispatch_id, result

    async def _wait(self, posted: PostedMessage, progress: Progress) -> TurnAnswer | None:
        receipt = posted.receipt
        try:
            async with posted.events() as events:
                async for stored in events:
                    if isinstance(stored.event, ErrorEvent | GoneEvent):
                        raise failure(stored.event)
                    if text := _progress(stored.event):
                        await progress(text)
            return await answer(self._conversation.threads, receipt.thread, receipt.dispatch_id)
        except (StoreUnavailable, StoreFull, Forgotten) as error:
            # It is stored and will be answered; only the wait ends.
            log.warning("wait for an answer ended early", thread=receipt.thread, error=str(error))
            return None


def _progress(event: StreamEvent | UnknownEvent) -> str:
    match event:
        case TurnEvent():
            return f"[{event.agent} answers]"
        case TextEvent():
            return event.text
        case ToolCallEvent():
            return f"[calls {event.name}]"
        case ToolResultEvent():
            return f"[{event.name}: {event.outcome}]"
        case RetryEvent():
            return f"[attempt failed; retry in {event.seconds:g} s]"
        case _:
            return ""
