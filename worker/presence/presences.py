"""The presence of all turns of this worker, and of those whose workers have died."""

from __future__ import annotations

import asyncio
import random

from answerback.agents import Agent, Turn
from answerback.agents.presence import NULL_PRESENCE, Ended, TurnPresence
from answerback.errors import StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.platforms import Place, Presence
from answerback.store import keys
from answerback.store.fleet.presences import Presences, ShownPresence
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import end_of

from ..replies.clients import Clients
from .requests import PresenceRequests
from .shown import Shown

GIVEN_UP = 600_000
"""ms after which no worker tries any more to clear what is shown."""
CLOSING = 1.0
"""Seconds that a stopping worker waits for its last requests."""


class PresenceKeeper:
    """Shows the turns of this worker, and sweeps up after others.

    What is shown is recorded first. A record is orphaned if its worker has died, or no longer knows of it. As long as
    the thread waits for another attempt, that goes on with it; otherwise a worker takes it over and shows the end.
    """

    def __init__(
        self,
        clients: Clients,
        http: PlatformHttp,
        threads: Threads,
        outbox: Outbox,
        workers: WorkerRegistry,
        *,
        owner: str,
        lease: float,
    ) -> None:
        self._clients = clients
        self._threads = threads
        self._records = Presences(threads.database)
        self._requests = PresenceRequests(http, outbox, threads.database)
        self._workers = workers
        self._owner = owner
        self._lease = lease
        self._shown: dict[str, Shown] = {}
        self._running: set[Shown] = set()

    async def begin(self, agent: Agent, turn: Turn, attempt: int) -> TurnPresence:
        """Return the presence of a turn that begins."""
        event = turn.event
        if agent.presence is None or turn.command:
            return NULL_PRESENCE
        presence = await self._presence(event.platform, event.account)
        if presence is None:
            return NULL_PRESENCE
        place = Place.of(event)
        key = _key(event.platform, presence, place)
        recorded = ShownPresence(
            platform=event.platform, place=place, event=event.id, owner=self._owner, at=self._threads.now
        )
        outcome = agent.presence == "outcome"
        needs_record = outcome or not presence.lasting

        async def record() -> bool:
            if needs_record:
                try:
                    await self._records.put(key, recorded)
                except (StoreUnavailable, StoreFull):
                    return False
            return True

        async def forget() -> None:
            if needs_record:
                await self._remove(key, recorded)

        def gone(shown: Shown) -> None:
            self._running.discard(shown)
            if self._shown.get(key) is shown:
                del self._shown[key]

        self._shown[key] = shown = Shown(
            event.platform,
            presence,
            place,
            self._requests,
            outcome=outcome,
            early=attempt > 1,
            after=self._shown.get(key),
            record=record,
            forget=forget,
            gone=gone,
        )
        self._running.add(shown)
        return shown

    async def close(self) -> None:
        """Wait a moment for requests that show the ends of turns."""
        if tasks := [shown.task for shown in self._running if shown.task is not None]:
            await asyncio.wait(tasks, timeout=CLOSING)
            for task in tasks:
                task.cancel()

    async def keep(self) -> None:
        """Sweep, forever."""
        while True:
            await asyncio.sleep(self._lease * random.uniform(0.75, 1.25))
            try:
                await self._sweep()
            except (StoreUnavailable, StoreFull):
                pass  # already logged by the guard

    async def _sweep(self) -> None:
        """Show the end of turns that no worker works on any more."""
        records = await self._records.all()
        if not records:
            return
        now = await self._threads.database.now()
        alive = {report.id for report, silent in await self._workers.workers() if silent <= report.lease}
        for key, shown in records.items():
            orphaned = shown.owner not in alive or (shown.owner == self._owner and key not in self._shown)
            if not orphaned or await self._waits(shown):
                continue
            if now - shown.at > GIVEN_UP:
                await self._records.remove(key, shown)
            elif presence := await self._presence(shown.platform, shown.place.account):
                taken = await self._records.take_over(key, shown, self._owner)
                if taken is not None and key not in self._shown and await self._clear(presence, taken):
                    await self._records.remove(key, taken)

    async def _waits(self, shown: ShownPresence) -> bool:
        """Return whether the thread is still to be worked on, or is being worked on."""
        thread = shown.place.thread
        p = await self._threads.locate(thread)
        return await self._threads.database.call("ZSCORE", keys.queue(p, "ready"), thread) is not None

    async def _clear(self, presence: Presence, shown: ShownPresence) -> bool:
        """Show the end of a turn, as it is recorded. Return whether that is settled."""
        end = await end_of(self._threads, shown.place.thread, shown.event)
        outcome: Ended = "cancelled"
        if end is not None and end.status in ("completed", "failed"):
            outcome = "completed" if end.status == "completed" else "failed"
        exchange = presence.idle(shown.place, outcome)
        return await self._requests.perform(shown.platform, presence, shown.place, exchange) in ("done", "refused")

    async def _remove(self, key: str, shown: ShownPresence) -> None:
        try:
            await self._records.remove(key, shown)
        except (StoreUnavailable, StoreFull):
            pass  # a sweep finds it

    async def _presence(self, platform: str, account: str) -> Presence | None:
        client = await self._clients.of(platform, account)
        return client.presence if client is not None else None


def _key(platform: str, presence: Presence, place: Place) -> str:
    """Return the place as records and later turns name it: a message, or its thread."""
    own = presence.with_message(place)
    return f"{platform} {place.thread} {place.message}" if own else f"{platform} {place.thread}"
