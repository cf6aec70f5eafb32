"""Reads what was said in a thread before the agents came, once, as a step of their first turn there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from answerback.agents import Agent, Turn
from answerback.agents.backfill import TEXTS, Backfilled, merge, newest
from answerback.agents.history import history_for
from answerback.agents.outcome import replaced
from answerback.errors import DeliveryError, RateLimited, Rejected
from answerback.events import Event
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.messages import Gap
from answerback.platforms import History, Place, Spoken, scope
from answerback.replies import whole_key
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Claim

from ..metrics import BACKFILLS
from ..replies.clients import Clients
from ..replies.identities import Identities
from ..retry import retry_while_unavailable

log = get_logger(__name__)

STEP = "backfill"
DEADLINE = 5.0
"""Seconds after which a turn goes on with what was read so far. The rest is read with a later turn."""
PAGES = 20
"""Requests that are made at most for one turn."""


class Backfills:
    """Reads histories within the platforms' rate limits."""

    def __init__(self, clients: Clients, identities: Identities, http: PlatformHttp, outbox: Outbox) -> None:
        self._clients = clients
        self._identities = identities
        self._http = http
        self._outbox = outbox

    async def wanted(self, claim: Claim, agent: Agent, turn: Turn) -> Callable[[], Awaitable[None]] | None:
        """Return what is to be done before the agent runs, if something is missing in the thread's history."""
        event = turn.event
        if turn.command or event.context is not None:
            return None
        client = await self._clients.of(event.platform, event.account)
        history = client.history if client is not None else None
        if history is None:
            return None
        place = Place.of(event)
        gap = next((message.gap for message in claim.history if message.gap and not message.gap.final), None)
        read = sum(message.backfilled and message.gap is None for message in claim.history)
        limit = agent.backfill - read
        if not turn.journal.has(STEP):
            # As an earlier attempt began, so do the others, whatever has changed since.
            if turn.journal.begun:
                return None
            first = not (claim.agent or read or history.begins(place)) and len(claim.history) < agent.backfill
            if limit <= 0 or not (gap or first):
                return None

        async def backfill() -> None:
            await self._backfill(claim, agent, turn, history, place, gap, max(1, limit))

        return backfill

    async def _backfill(
        self, claim: Claim, agent: Agent, turn: Turn, history: History, place: Place, gap: Gap | None, limit: int
    ) -> None:
        platform = turn.event.platform
        if gap is not None and not turn.journal.has(STEP) and await self._paused(platform, history, place):
            return  # not yet: without a step, a later turn reads it

        async def read() -> Backfilled:
            read = await self._read(platform, history, place, gap, limit)
            read = await self._without_replies(turn, read)
            # However many bytes a character takes, the journal has room for the agent's own steps.
            return newest(read.messages, limit, read.gap, min(TEXTS, turn.journal.limits.bytes // 8))

        found: Backfilled = await turn.journal.step(STEP, read, idempotent=True, kind=Backfilled)
        old = replaced(turn.earlier)
        before = [message for message in claim.history if message not in old]
        turn.backfill = changes = merge(before, found, await self._is_own(turn.event))
        merged = [*before[: len(before) - len(changes.replaced)], *changes.messages]
        turn.history = history_for(turn.event, merged, turn.earlier, messages=agent.messages, tokens=agent.tokens)

    async def _read(self, platform: str, history: History, place: Place, gap: Gap | None, limit: int) -> Backfilled:
        """Read as much as the limits and the deadline allow. Never raises for what the platform does."""
        gap = gap or Gap(before=place.message)
        place = msgspec.structs.replace(place, message=gap.before)
        deadline = time.monotonic() + DEADLINE
        messages: list[Spoken] = []
        outcome = "done"
        for _ in range(PAGES):
            try:
                if await self._paused(platform, history, place):
                    outcome = "limited"
                    break
                async with asyncio.timeout(deadline - time.monotonic()):
                    page = await self._http.perform(history.page(place, limit, gap.cursor))
            except RateLimited as refusal:
                await retry_while_unavailable(self._outbox.pause, scope(platform, refusal.scope), refusal.seconds)
                outcome = "limited"
                break
            except Rejected as refusal:
                log.warning("earlier messages not read", thread=place.thread, reason=str(refusal))
                gap, outcome = Gap(final=True), "refused"
                break
            except (DeliveryError, TimeoutError) as trouble:
                log.info("earlier messages not read yet", thread=place.thread, error=str(trouble))
                outcome = "failed"
                break
            except Exception:
                # Whatever a platform's package does wrong, the turn goes on.
                log.exception("earlier messages not read", thread=place.thread)
                gap, outcome = Gap(final=True), "failed"
                break
            messages = [*messages, *page.messages] if page.forward else [*page.messages, *messages]
            after = messages[-1].message if page.forward and messages else ""
            gap = msgspec.structs.replace(gap, cursor=page.cursor, after=after)
            if not page.cursor or (not page.forward and len(messages) >= limit):
                BACKFILLS.labels(platform, outcome).inc()
                return Backfilled(tuple(messages), Gap(final=True) if page.cursor else None)
        BACKFILLS.labels(platform, outcome).inc()
        return Backfilled(tuple(messages), gap)

    async def _paused(self, platform: str, history: History, place: Place) -> bool:
        scopes = [scope(platform, limit) for limit in history.limits(place)]
        return await retry_while_unavailable(self._outbox.paused, scopes) > 0

    async def _without_replies(self, turn: Turn, read: Backfilled) -> Backfilled:
        """Leave out the thread's own replies: the history has them, in whole, or they are about to be deleted."""
        is_own = await self._is_own(turn.event)
        replies = await retry_while_unavailable(self._outbox.replies, turn.thread)
        own = {whole_key(key) for key in replies}
        own |= {each.message for each in replies.values()}
        own |= {each.shown.message for each in replies.values() if each.shown}
        others = [one for one in read.messages if not (is_own(one) and {whole_key(one.reply), one.message} & own)]
        return msgspec.structs.replace(read, messages=tuple(others))

    async def _is_own(self, event: Event) -> Callable[[Spoken], bool]:
        identity = await self._identities.of(event.platform, event.account)
        return lambda one: identity is not None and identity.wrote(one.identities)
