"""Post a message in a chat and follow its turn: shared by threads, sessions, OpenAI's API and MCP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from answerback.events import Event
from answerback.store.chats.answers import TurnAnswer, answer
from answerback.store.chats.chats import Chats, thread_of
from answerback.store.stream.followers import Live
from answerback.store.stream.stored_events import StoredEvent, last, stored
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.threads import Threads

from ...problems import Problem
from ..auth import audience
from ..context import Principal
from .turn_filter import End, RecordedEvents, TurnFilter, TurnState, failure, retold
from .waits import limited


class PostedMessage:
    """A stored message. `after` is the id of the last stream event before it."""

    def __init__(
        self,
        conversation: Conversation,
        caller: Principal,
        follower: AsyncIterator[StoredEvent],
        receipt: Receipt,
        after: str,
    ) -> None:
        self._conversation = conversation
        self._caller = caller
        self._follower = follower
        self.receipt = receipt
        self.after = after

    async def answer(self, seconds: float) -> TurnAnswer | None:
        """Wait for the answer; None on timeout. Raises `Problem` (502, 504) if the turn failed permanently."""
        if again := await self._again():
            found, _, end = again
            if end and end.reason:
                raise failure(end)
            return found
        state = TurnState(self.receipt.dispatch_id)
        try:
            async with limited(seconds):
                async for delta in self._follower:
                    if state.takes(delta) and state.end:
                        break
        except TimeoutError:
            return None
        assert state.end is not None
        if state.end.reason:
            raise failure(state.end)
        return await self._answer(state.end.turn)

    @asynccontextmanager
    async def deltas(self) -> AsyncIterator[AsyncIterator[StoredEvent]]:
        """Follow the events of its turn to the end. For a duplicate message, replay all of them."""
        state = TurnState(self.receipt.dispatch_id)
        if self.receipt.status != "duplicate":
            yield TurnFilter(state, self._follower)
            return
        # Read this before checking whether it waits: if it does, all its ends so far belong to failed turns.
        past = await self._past()
        if again := await self._again():
            yield RecordedEvents(again[1])
        else:
            async with self._conversation.follow(self._caller, self.receipt.thread, past) as follower:
                yield TurnFilter(state, follower)

    async def _past(self) -> str:
        """Return the id of the event with which it failed before it was replayed; "0" if it did not fail."""
        state, past = TurnState(self.receipt.dispatch_id), "0"
        for delta in await self._stored():
            if state.takes(delta) and state.end:
                past = delta.id
        return past

    async def _stored(self) -> Sequence[StoredEvent]:
        return await stored(self._conversation.threads, self.receipt.thread, limit=10_000) or ()

    async def _again(self) -> tuple[TurnAnswer, list[StoredEvent], End | None] | None:
        """Return the answer of a duplicate message, its stored events and their end; None if not answered yet."""
        if self.receipt.status != "duplicate" or (answered := await self._answer()) is None:
            return None
        state = TurnState(self.receipt.dispatch_id)
        events: list[StoredEvent] = []
        for delta in (audience.delta(self._caller, each) for each in await self._stored()):
            ended = state.end
            if delta and state.takes(delta):
                # Of a replayed message, keep only the events of the last turn.
                events = [delta] if ended and delta.kind == "turn" else [*events, delta]
        if state.end is None:
            rebuilt = (audience.delta(self._caller, each) for each in retold(answered, self.receipt.dispatch_id))
            events = [delta for delta in rebuilt if delta]
            for each in events:
                state.takes(each)
            return answered, events, state.end
        return await self._answer(state.end.turn) or answered, events, state.end

    async def _answer(self, turn: str = "") -> TurnAnswer | None:
        return await answer(self._conversation.threads, self.receipt.thread, self.receipt.dispatch_id, turn)


class Conversation:
    """Post messages and follow threads through one ingress process."""

    def __init__(self, threads: Threads, live: Live) -> None:
        self.threads = threads
        self.chats = Chats(threads)
        self._live = live

    @asynccontextmanager
    async def say(self, caller: Principal, id: str, event: Event) -> AsyncIterator[PostedMessage]:
        """Store a message, and follow its thread from before its first event. Raises what `Chats.say` raises."""
        thread = thread_of(caller.workspace, id)
        after = await last(self.threads, thread)
        async with self.follow(caller, thread, after) as follower:
            receipt = await self.chats.say(caller.workspace, id, event)
            yield PostedMessage(self, caller, follower, receipt, after)

    async def leave(self, caller: Principal, id: str, event: Event) -> tuple[Receipt, str]:
        """Store a message without waiting. Return the receipt, and the event id to follow the thread from."""
        after = await last(self.threads, thread_of(caller.workspace, id))
        return await self.chats.say(caller.workspace, id, event), after

    @asynccontextmanager
    async def follow(
        self, caller: Principal, thread: str, after: str = "0"
    ) -> AsyncIterator[AsyncIterator[StoredEvent]]:
        """Follow a thread, by its internal id, redacted for the caller. Raises what `Live.follow` raises."""
        async with self._live.follow(thread, after) as deltas:
            yield audience.RedactedEvents(caller, deltas)

    def refuse_dropped(self, answer: TurnAnswer) -> None:
        """Raise `Problem` (409) if the message was dropped."""
        if answer.status == "dropped":
            raise Problem(409, "the agent is working and accepts no messages meanwhile", code="busy")
