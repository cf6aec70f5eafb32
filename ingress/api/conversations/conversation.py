"""Post a message in a chat and follow its turn: shared by threads, sessions, OpenAI's API and MCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from answerback.errors import InvalidInput
from answerback.events import Event
from answerback.files import StoredFile
from answerback.pressing import pressed
from answerback.store.chats.answers import TurnAnswer, answer, answer_of
from answerback.store.chats.chat_ids import thread_of
from answerback.store.chats.chats import Chats
from answerback.store.chats.dispatches import Dispatches
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.stream.events import DoneEvent, ErrorEvent, GoneEvent, TurnEvent
from answerback.store.stream.followers import Following, Live
from answerback.store.stream.stored_events import StoredEvent, last, stored
from answerback.store.threads.files import Files
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.threads import Threads

from ...problems import Problem
from ..auth import audience
from ..context import Principal
from ..schemas.messages import Pressed
from .turn_filter import End, TurnState, failure, rebuilt_events, recorded_end, replayed, turn_events
from .waits import limited

SOON = 0.25
"""Seconds after which what is stored of a thread is read, because the end of the turn was not published."""


class PostedMessage:
    """A stored message. `after` is the id of the last stream event before it."""

    def __init__(
        self,
        conversation: Conversation,
        caller: Principal,
        following: Following,
        receipt: Receipt,
        after: str,
    ) -> None:
        self._conversation = conversation
        self._caller = caller
        self._following = following
        self.receipt = receipt
        self.after = after

    async def answer(self, seconds: float) -> TurnAnswer | None:
        """Wait for the answer; None on timeout. Raises `Problem` (502, 504) if the turn failed permanently."""
        if recorded := await self._recorded():
            answer, _, end = recorded
            self._raise_failure(end)
            return answer
        state = TurnState(self.receipt.dispatch_id)
        try:
            async with limited(seconds):
                await self._end_of(state)
        except TimeoutError:
            return None
        assert state.end is not None
        self._raise_failure(state.end)
        if isinstance(state.end, DoneEvent):
            return await answer_of(self._conversation.threads, self.receipt.thread, self.receipt.dispatch_id, state.end)
        return await self._answer(state.end.turn)

    async def _end_of(self, state: TurnState) -> None:
        """Wait for the end of the turn."""
        # Usually its end is published soon, and what else is stored need not be read.
        timer = asyncio.get_running_loop().call_later(SOON, self._following.miss)
        try:
            while state.end is None and (event := await self._following.published()):
                state.observe(event)
        finally:
            timer.cancel()
        if state.end is None:
            async for _ in turn_events(state, self._following.events()):
                pass

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncGenerator[StoredEvent, None]]:
        """Follow the events of its turn to the end. For a duplicate message, replay all of them."""
        async with self._unredacted() as events, aclosing(audience.redacted(self._caller, events)) as redacted:
            yield redacted

    @asynccontextmanager
    async def _unredacted(self) -> AsyncIterator[AsyncGenerator[StoredEvent, None]]:
        state = TurnState(self.receipt.dispatch_id)
        if self.receipt.status != "duplicate":
            yield turn_events(state, self._following.events())
            return
        # Read this before checking whether it waits: if it does, all its ends so far belong to failed turns.
        past = await self._past()
        if recorded := await self._recorded():
            yield replayed(recorded[1])
        else:
            async with self._conversation.live.follow(self.receipt.thread, past) as follower:
                yield turn_events(state, follower)

    async def _past(self) -> str:
        """Return the id of the event with which it failed before it was replayed; "0" if it did not fail."""
        state, past = TurnState(self.receipt.dispatch_id), "0"
        for event in await self._stored():
            if state.observe(event) and state.end:
                past = event.id
        return past

    async def _stored(self) -> Sequence[StoredEvent]:
        return await stored(self._conversation.threads, self.receipt.thread, limit=10_000) or ()

    async def _recorded(self) -> tuple[TurnAnswer, list[StoredEvent], End] | None:
        """Return the answer of a duplicate message, its stored events and their end; None if not answered yet."""
        if self.receipt.status != "duplicate" or (answered := await self._answer()) is None:
            return None
        state = TurnState(self.receipt.dispatch_id)
        events: list[StoredEvent] = []
        for event in await self._stored():
            ended = state.end
            if state.observe(event):
                if ended and event.kind == TurnEvent.kind:
                    # Of a replayed message, keep only the events of the last turn.
                    events.clear()
                events.append(event)
        if state.end is not None:
            return await self._answer(state.end.turn) or answered, events, state.end
        end = recorded_end(answered, self.receipt.dispatch_id)
        return answered, rebuilt_events(answered, end), end

    def _raise_failure(self, end: End) -> None:
        if isinstance(end, ErrorEvent):
            raise failure(audience.failed_turn(self._caller, end))
        if isinstance(end, GoneEvent):
            raise failure(end)

    async def _answer(self, turn: str = "") -> TurnAnswer | None:
        return await answer(self._conversation.threads, self.receipt.thread, self.receipt.dispatch_id, turn)


class Conversation:
    """Post messages and follow threads through one ingress process."""

    def __init__(self, threads: Threads, live: Live) -> None:
        self.threads = threads
        self.chats = Chats(threads)
        self.files = Files(threads)
        self.live = live
        self._dispatches = Dispatches(threads)

    @asynccontextmanager
    async def say(
        self, caller: Principal, id: str, event: Event, *, once: bool = False, kept: float = 0
    ) -> AsyncIterator[PostedMessage]:
        """Store a message, and follow its thread from before its first event. Raises what `Chats.say_at` raises.

        With `once`, the message opens its chat, unless it exists, which is ephemeral and kept for `kept` seconds at
        least: see `Chats.open`.
        """
        if once:
            place = self.chats.new_place(caller.workspace, id, event.agent, kept=kept)
        else:
            place = await self.chats.place(caller.workspace, id)
        async with Following(self.live, place.thread, place.after) as following:
            receipt = await self.chats.say_at(place, event)
            if not once or receipt.status != "duplicate":
                yield PostedMessage(self, caller, following, receipt, place.after)
                return
        # The chat has been opened before, and has events already.
        after = await last(self.threads, place.thread)
        async with Following(self.live, place.thread, after) as following:
            yield PostedMessage(self, caller, following, receipt, after)

    async def files_named(self, caller: Principal, id: str, files: Sequence[str]) -> Sequence[StoredFile]:
        """Return the files that a message is to name, for a day at least. Raises `NoSuchThread`, `NoSuchFile`."""
        if not files:
            return ()
        ids, visitor = list(dict.fromkeys(files)), not audience.trusted(caller)
        return await self.files.use(thread_of(caller.workspace, id), ids, visitor=visitor)

    async def check_input(self, caller: Principal, id: str, event: Event) -> None:
        """Refuse a message whose structured input the chat's agent does not accept. Raises `InvalidInput`."""
        if not event.input_json:
            return
        try:
            await self._dispatches.check_input(caller.workspace, id, event.input_json)
        except InvalidInput:
            if not audience.trusted(caller):
                # The schema is the agent's own.
                raise InvalidInput("is not what the agent expects") from None
            raise

    async def pressed(self, caller: Principal, id: str, press: Pressed) -> Event:
        """Return the event of a button of an agent's message. Raises `NoSuchThread`, or `Problem` (404)."""
        messages = (await self.chats.snapshot(caller.workspace, id)).messages
        try:
            return pressed(messages, press.name, press.option, press.message)
        except ValueError:
            reason = "this message has no such button: it was changed, or is too old"
            raise Problem(404, reason, code="no-such-button") from None

    async def leave(self, caller: Principal, id: str, event: Event) -> tuple[Receipt, str]:
        """Store a message without waiting. Return the receipt, and the event id to follow the thread from."""
        place = await self.chats.place(caller.workspace, id)
        return await self.chats.say_at(place, event), place.after

    @asynccontextmanager
    async def follow(
        self, caller: Principal, thread: str, after: str = "0"
    ) -> AsyncIterator[AsyncGenerator[StoredEvent, None]]:
        """Follow a thread, by its internal id, redacted for the caller. Raises what `Live.follow` raises."""
        async with (
            self.live.follow(thread, after) as events,
            aclosing(audience.redacted(caller, events)) as redacted,
        ):
            yield redacted

    async def why_waiting(self, caller: Principal) -> str:
        """Return why messages are not answered now, as the caller may see it; "" if nothing is known."""
        if not audience.trusted(caller):
            return ""
        reports = await WorkerRegistry(self.threads.database).workers()
        return "" if any(silent <= report.lease for report, silent in reports) else "no worker is running"

    def refuse_dropped(self, answer: TurnAnswer) -> None:
        """Raise `Problem` (409) if the message was dropped."""
        if answer.status == "dropped":
            raise Problem(409, "the agent is working and accepts no messages meanwhile", code="busy")
