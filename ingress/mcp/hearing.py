"""Store a message and wait until an agent has answered it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from answerback.errors import StoreFull, StoreUnavailable
from answerback.events import Event
from answerback.log import get_logger
from answerback.store.chats.answers import TurnAnswer, answer
from answerback.store.stream.followers import Forgotten
from answerback.store.stream.stored_events import StoredEvent

from ..api.context import Principal
from ..api.conversations.conversation import Conversation, PostedMessage
from ..api.conversations.turn_filter import End, failure

log = get_logger(__name__)

_end = msgspec.json.Decoder(End).decode

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
            hearing = asyncio.create_task(self._hear(posted, progress))
            closing = asyncio.create_task(self._closing.wait())
            try:
                await asyncio.wait((hearing, closing), return_when=asyncio.FIRST_COMPLETED)
                result = hearing.result() if hearing.done() else None
            finally:
                hearing.cancel()
                closing.cancel()
                await asyncio.gather(hearing, closing, return_exceptions=True)
        if result:
            self._conversation.refuse_dropped(result)
        return posted.receipt.dispatch_id, result

    async def _hear(self, posted: PostedMessage, progress: Progress) -> TurnAnswer | None:
        receipt = posted.receipt
        try:
            async with posted.deltas() as deltas:
                async for delta in deltas:
                    if delta.kind in ("error", "gone"):
                        raise failure(_end(delta.data))
                    if words := _words(delta):
                        await progress(words)
            return await answer(self._conversation.threads, receipt.thread, receipt.dispatch_id)
        except (StoreUnavailable, StoreFull, Forgotten) as error:
            # It is stored and will be answered; only the wait ends.
            log.warning("wait for an answer ended early", thread=receipt.thread, error=str(error))
            return None


def _words(delta: StoredEvent) -> str:
    data = msgspec.json.decode(delta.data)
    match delta.kind:
        case "turn":
            return f"[{data['agent']} answers]"
        case "text":
            return str(data["text"])
        case "tool_call":
            return f"[calls {data['name']}]"
        case "tool_result":
            return f"[{data['name']}: {data['outcome']}]"
        case "retry":
            return f"[attempt failed; retry in {data['seconds']:g} s]"
        case _:
            return ""
