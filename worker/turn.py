"""One turn after another of a claimed thread: route the event, run its agent, commit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from answerback.agents import Agent, Turn
from answerback.agents.history import window
from answerback.agents.journal import Journal
from answerback.errors import LeaseLost, LimitExceeded, StoreFull, StoreUnavailable, TurnError
from answerback.log import get_logger
from answerback.messages import Entry, Event, Identity, Message, Reply
from answerback.platforms import Client
from answerback.store import Claim, Commit, Step, Threads
from worker.deadlines import Deadlines
from worker.identity import UNIDENTIFIED_DELAY
from worker.letters import letter, reason
from worker.patience import patiently
from worker.routing import overheard, route

log = get_logger(__name__)

_encode = msgspec.msgpack.Encoder().encode


class Turns:
    """Runs the turns of claimed threads."""

    def __init__(
        self,
        threads: Threads,
        agents: Sequence[Agent],
        clients: Mapping[str, Client],
        identities: Mapping[str, Identity],
        sure: Callable[[], Awaitable[None]],
        *,
        window: int,
        timeout: float,
        max_attempts: int,
        retry_base: float,
        retry_cap: float,
    ) -> None:
        self._threads = threads
        self._agents = agents
        self._clients = clients
        self._identities = identities
        self._sure = sure
        self._window = window
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._retry_base = retry_base
        self._retry_cap = retry_cap
        self.deadlines = Deadlines()
        self.stopping = False
        self.done = 0
        self.failed = 0

    async def run(self, claim: Claim) -> None:
        """Handle a claimed thread's events until none is left, in their order.

        Cancelled, it hands the thread back at once, with what was journaled. (Where the lease is lost,
        the fence sees to it that this changes nothing.)
        """
        try:
            while await self._turn(claim):
                pass
        except LeaseLost:
            log.warning("another worker has this thread now", thread=claim.thread, fence=claim.fence)
        except asyncio.CancelledError:
            await self._hand_back(claim)
            raise

    async def _turn(self, claim: Claim) -> bool:
        """One turn. True when the thread is still ours and has more to answer."""
        entry = claim.entries[0]
        event = entry.event
        if claim.crashes >= self._max_attempts:
            # Every attempt is counted when it begins, so a message that kills its worker ends here.
            why = f"its worker died or lost its lease in {claim.crashes} attempts"
            await patiently(self._threads.bury, claim, *letter(claim, why, attempts=claim.attempt - 1))
            return False
        identity = self._identities.get(event.platform)
        if identity is None and event.platform in self._clients:
            # Whether we are addressed cannot be told yet: the thread waits, and nothing is held against it.
            await patiently(self._threads.release, claim, delay=UNIDENTIFIED_DELAY, failed=False)
            return False
        agent = route(self._agents, event, identity=identity, last=claim.agent)
        if agent is None:
            return await self._pass(claim, event)
        turn = self._open(claim, agent, entry)
        structlog.contextvars.bind_contextvars(
            thread=claim.thread, turn=turn.id, delivery=event.delivery, attempt=claim.attempt, agent=agent.name
        )
        try:
            text = await self._think(agent, turn)
            turn.journal.close()
            if text is not None:
                turn.conclude(text)
            commit = self._outcome(claim, agent, turn)
        except (LeaseLost, StoreUnavailable, StoreFull):
            raise
        except Exception as error:  # noqa: BLE001 (an agent may raise anything; all of it is kept)
            return await self._fail(claim, agent, turn, error)
        return await self._commit(claim, commit)

    async def _think(self, agent: Agent, turn: Turn) -> str | None:
        """Run the agent within its time. What would end this process, or this task, from within is its failure."""
        limit = agent.timeout or self._timeout
        task = asyncio.current_task()
        assert task is not None
        self.deadlines.start(task, limit)
        try:
            return await agent.think(turn)
        except SystemExit as error:
            raise RuntimeError(f"the agent called sys.exit({error.code!r})") from error
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            raise RuntimeError("the agent cancelled itself") from error
        finally:
            if self.deadlines.stop(task):
                raise LimitExceeded(f"the turn took longer than {limit:g} s") from None

    def _open(self, claim: Claim, agent: Agent, entry: Entry) -> Turn:
        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            step = Step(claim.thread, claim.fence, claim.position, name, record, replies)
            await patiently(self._threads.step, step)

        return Turn(
            agent=agent.name,
            events=[entry.event],
            history=window(claim.history, messages=agent.messages, tokens=agent.tokens),
            attempt=claim.attempt,
            state=msgspec.msgpack.decode(claim.state, type=dict[str, Any]) if claim.state else {},
            journal=Journal({**entry.journal, **claim.journal}, write, self._sure),
            compose=self._composer(entry.event),
        )

    def _composer(self, event: Event) -> Callable[[str, int, str], Sequence[Reply]]:
        """Closes over the thread and its address: whatever the text says, it goes nowhere else."""
        client = self._clients.get(event.platform)

        def compose(turn: str, ordinal: int, text: str) -> Sequence[Reply]:
            if client is None or not text.strip():
                return ()
            parts = client.split(text)
            keys = (
                [f"{turn}.{ordinal}.{part}" for part in range(len(parts))] if len(parts) > 1 else [f"{turn}.{ordinal}"]
            )
            return [
                Reply(key=key, thread=event.thread, text=part, address=event.address)
                for key, part in zip(keys, parts, strict=True)
            ]

        return compose

    def _outcome(self, claim: Claim, agent: Agent, turn: Turn) -> Commit:
        """All that the turn changes. Raises `TypeError` for a state that is not plain data."""
        messages = [_said(turn.event, turn.id)]
        for text, replies in turn.replies:
            if text.strip():
                messages.append(
                    Message(
                        role="assistant",
                        text=text,
                        at=self._threads.now,
                        turn=turn.id,
                        reply=replies[0].key if replies else "",
                        agent=agent.name,
                    )
                )
        if turn.model:
            messages[-1] = msgspec.structs.replace(messages[-1], model=turn.model)
        return Commit(
            thread=claim.thread,
            fence=claim.fence,
            position=claim.position,
            turn=turn.id,
            handled=1,
            messages=messages,
            # What an earlier `turn.reply` put into the outbox is there already, and is not put there twice.
            replies=[reply for _, parts in turn.replies for reply in parts],
            agent=agent.name,
            state=_encode(turn.state) if turn.state or claim.state else b"",
            more=not self.stopping,
        )

    async def _pass(self, claim: Claim, event: Event) -> bool:
        """Nobody answers this. What an agent overhears belongs to the history all the same."""
        id = event.id
        said = [_said(event, id)] if overheard(self._agents, event) else []
        return await self._commit(
            claim,
            Commit(
                thread=claim.thread,
                fence=claim.fence,
                position=claim.position,
                turn=id,
                handled=1,
                messages=said,
                agent=claim.agent,
                more=not self.stopping,
            ),
        )

    async def _commit(self, claim: Claim, commit: Commit) -> bool:
        entries = await patiently(self._threads.commit, commit)
        self.done += 1
        claim.position += commit.handled
        claim.history = [*claim.history, *commit.messages][-self._window :]
        claim.entries, claim.attempt, claim.crashes = entries, 1, 0
        claim.agent, claim.journal = commit.agent, {}
        claim.state = commit.state or claim.state
        return bool(entries)

    async def _fail(self, claim: Claim, agent: Agent, turn: Turn, error: Exception) -> bool:
        self.failed += 1
        final = isinstance(error, TurnError)
        why = reason(error)
        if final or claim.attempt - claim.crashes >= self._max_attempts:
            log.error("turn failed for good", reason=why, exc_info=error)
            buried = letter(claim, why, attempts=claim.attempt, agent=agent.name, turn=turn, error=error)
            await patiently(self._threads.bury, claim, *buried)
            return False
        delay = min(self._retry_cap, self._retry_base * 2 ** (claim.attempt - 1)) * random.uniform(0.5, 1)
        log.warning("turn failed, will be tried again", reason=why, next_try=round(delay, 3), exc_info=error)
        await patiently(self._threads.release, claim, delay=delay, error=why)
        return False

    async def _hand_back(self, claim: Claim) -> None:
        try:
            await self._threads.release(claim, failed=False)
            log.info("thread handed back", thread=claim.thread)
        except (LeaseLost, StoreUnavailable, StoreFull) as error:
            # Its lease ends by itself.
            log.warning("thread not handed back", thread=claim.thread, error=str(error))


def _said(event: Event, turn: str) -> Message:
    return Message(role="user", text=event.text, at=event.at, turn=turn, author=event.author, message=event.message)
