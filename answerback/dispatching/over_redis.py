"""Dispatch straight into Redis."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from answerback.dispatching.receipt import Answer
from answerback.dispatching.transports import Accepted
from answerback.errors import StoreUnavailable
from answerback.messages import Message
from answerback.store.chats.answers import TurnAnswer, answer
from answerback.store.chats.chat_ids import thread_of
from answerback.store.chats.dispatches import Dispatches, NewDispatch
from answerback.store.redis import Database
from answerback.store.thread_ids import public_id
from answerback.store.threads.threads import Threads

SOON, LATER = 0.05, 1.0
"""Seconds between two looks for an answer, at first and at most."""


class RedisTransport:
    """The store, for one workspace."""

    def __init__(self, url: str, partitions: int | None, *, replicas: int, seen_days: float, workspace: str) -> None:
        self._database = Database(url, replicas=replicas)
        self._threads = Threads(self._database, partitions=partitions, seen_days=seen_days)
        self._dispatches = Dispatches(self._threads)
        self._workspace = workspace
        self._loop = asyncio.get_running_loop()

    @property
    def usable(self) -> bool:
        """Whether it was opened in the running event loop."""
        return self._loop is asyncio.get_running_loop()

    async def accept(self, new: NewDispatch) -> Accepted:
        """Store an event."""
        receipt = await self._dispatches.accept(self._workspace, new)
        thread = public_id(receipt.thread)
        return Accepted(receipt.dispatch_id, thread, "duplicate" if receipt.status == "duplicate" else "accepted")

    async def answer(self, new: NewDispatch, accepted: Accepted, timeout: float) -> Answer:
        """Wait for the answer to a stored event."""
        thread, delay = thread_of(self._workspace, accepted.thread), SOON
        async with asyncio.timeout(timeout):
            while (view := await self._look(thread, accepted.dispatch_id)) is None:
                await asyncio.sleep(delay)
                delay = min(LATER, delay * 1.3)
        return _answer(view)

    async def _look(self, thread: str, dispatch_id: str) -> TurnAnswer | None:
        with suppress(StoreUnavailable):  # the event is stored: its answer comes once Redis is back
            return await answer(self._threads, thread, dispatch_id)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()


def _answer(found: TurnAnswer) -> Answer:
    return Answer(
        status=found.status,
        turn=found.turn,
        messages=tuple(message.text for message in found.messages),
        output=_output(found.messages),
        code=found.code,
        reason=found.reason,
    )


def _output(messages: list[Message]) -> object:
    raw = messages[-1].output_json if messages else b""
    return json.loads(raw) if raw else None
