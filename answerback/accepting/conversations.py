"""Direct chats as one thread, on the platforms where a worker's agent has it so."""

from __future__ import annotations

import time

import msgspec

from answerback.accepting.raw_payloads import LOOK, matching
from answerback.events import Amendment, Event
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.redis import Database


class Conversations:
    """Gives direct messages, which have a `conversation`, the threads that the agents ask for."""

    def __init__(self, database: Database) -> None:
        self._workers = WorkerRegistry(database)
        self._platforms = frozenset[str]()
        self._looked = -LOOK

    async def place(self, platform: str, inbound: Event | Amendment) -> Event | Amendment:
        """Return an event or an amendment in the thread where it belongs."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            agents = await self._workers.agents()
            self._platforms = matching({pattern for agent in agents for pattern in agent.conversations})
        return placed(inbound, chat=platform in self._platforms)


def placed(inbound: Event | Amendment, *, chat: bool) -> Event | Amendment:
    """Return what a delivery contains in the thread where it belongs. `chat`: a direct chat is one thread."""
    if isinstance(inbound, Event):
        return _event_placed(inbound, chat=chat)
    if inbound.conversation is None:
        return inbound
    return msgspec.structs.replace(
        inbound,
        thread=inbound.conversation.thread if chat else inbound.thread,
        event=_event_placed(inbound.event, chat=chat) if inbound.event else None,
        edit=_event_placed(inbound.edit, chat=chat) if inbound.edit else None,
        conversation=None,
    )


def _event_placed(event: Event, *, chat: bool) -> Event:
    whole = event.conversation
    if whole is None:
        return event
    if not chat:
        return msgspec.structs.replace(event, conversation=None)
    return msgspec.structs.replace(event, thread=whole.thread, address=whole.address, conversation=None)
