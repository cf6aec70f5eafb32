"""`SessionWorker`: many dialogs by their ids, each with one turn at a time, on any number of hosts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

from answerback.agents.agent import Agent
from answerback.dialogs.dialog import Dialog, agent_of
from answerback.dialogs.position import Position
from answerback.dialogs.stores import MemorySessions, SessionStore
from answerback.errors import ConfigurationError, SessionBusy, SessionLost, StoreFull, StoreUnavailable, TooManySessions
from answerback.log import get_logger
from answerback.store.sessions import ClaimedSession

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from answerback.flows.definition import Flow

log = get_logger(__name__)

SOON, LATER = 0.02, 0.5
"""The shortest and the longest pause, in seconds, between two attempts to claim a session that another host holds."""


class Session(Dialog):
    """A dialog that is saved with each turn, while this process holds it.

    Attributes:
        fence: Grows each time the session is acquired. Systems that see it can refuse an earlier holder.
    """

    def __init__(self, agent: Agent, store: SessionStore, claimed: ClaimedSession, timeout: float) -> None:
        super().__init__(agent, id=claimed.id, timeout=timeout, saved=claimed.data)
        self.fence = claimed.fence
        self._store = store
        self._claimed = claimed
        self._ended = ""

    async def keep(self) -> None:
        """Renew the lease, until it is lost."""
        now, lease = asyncio.get_running_loop().time, self._store.lease
        renewed_at = now()
        while not self._ended:
            await asyncio.sleep(lease / 3)
            began = now()
            try:
                if await self._store.renew(self._claimed):
                    renewed_at = began
                else:
                    self.end("another process has claimed it")
            except (StoreUnavailable, StoreFull) as error:
                if now() - renewed_at >= lease:
                    self.end(str(error))

    async def _run(self, *args: Any, **options: Any) -> str:
        self._ensure_held()
        return await super()._run(*args, **options)

    async def _commit(self, position: Position) -> None:
        self._ensure_held()
        data = position.encoded() if position != Position() else b""
        if not await self._store.save(self._claimed, data):
            self.end("another process has claimed it")
        self._ensure_held()
        await super()._commit(position)

    def end(self, why: str) -> None:
        """Cancel the turn that runs, and refuse to run others."""
        if not self._ended:
            self._ended = why
            self._cancel()

    def _ensure_held(self) -> None:
        if self._ended:
            raise SessionLost(f'session "{self.id}": {self._ended}. Nothing of this turn was saved; acquire it again')


class SessionWorker:
    """Holds sessions while their turns run: those of one session one after the other, those of others side by side.

    Args:
        agent: The agent; or else a flow, with the model and the tools that it needs, as for `Dialog`.
        flow: A dialog flow: a file, or its data.
        model: The model of the flow.
        tools: The tools of the flow.
        store: Where sessions are kept: by default in memory. With `RedisSessions`, workers on many hosts share them.
        max_sessions: The most sessions that may be acquired, or waited for, at once.
        wait: Seconds to wait for a session that another worker holds.
        timeout: Seconds that a turn may take, unless the agent says otherwise.

    Raises:
        ConfigurationError: The agent or the flow is invalid.

    Example:
        async with SessionWorker(flow="kyc.json", store=RedisSessions("redis://localhost:6379")) as worker:
            async with worker.acquire("customer-7") as session:
                print(await session.turn("hello"))
    """

    def __init__(
        self,
        agent: Agent | None = None,
        *,
        flow: str | Path | Mapping[str, Any] | Flow | None = None,
        model: str | Model | None = None,
        tools: Sequence[Any] = (),
        store: SessionStore | None = None,
        max_sessions: int = 1000,
        wait: float = 30.0,
        timeout: float = 300.0,
    ) -> None:
        if max_sessions < 1:
            raise ConfigurationError(f"max_sessions is at least 1, not {max_sessions}")
        self._agent = agent_of(agent, flow, model, tools)
        self._store = MemorySessions() if store is None else store
        self._max_sessions = max_sessions
        self._wait = wait
        self._timeout = timeout
        self._acquired = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """A lock for each session that is acquired or waited for here."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def acquired(self) -> int:
        """The number of sessions that are acquired, or waited for."""
        return self._acquired

    @asynccontextmanager
    async def acquire(self, session_id: str, *, wait: float | None = None) -> AsyncIterator[Session]:
        """Hold a session, new or saved, for the duration of the context. Each of its turns is saved when it ends.

        Args:
            session_id: Any text.
            wait: Seconds to wait for a session that another worker holds, instead of the worker's.

        Raises:
            TooManySessions: `max_sessions` are acquired already.
            SessionBusy: Another caller held the session for all that time.
            StoreUnavailable: Redis did not respond.
        """
        if self._acquired >= self._max_sessions:
            raise TooManySessions(
                f"{self._acquired} sessions are in use here, as many as max_sessions allows; try again later"
            )
        self._acquired += 1
        try:
            async with AsyncExitStack() as held:
                yield await self._open(session_id, self._wait if wait is None else wait, held)
        finally:
            self._acquired -= 1

    async def close(self) -> None:
        """Close the store. Sessions that are still acquired are lost when their leases expire."""
        await self._store.close()

    async def _open(self, id: str, seconds: float, held: AsyncExitStack) -> Session:
        """Claim a session, and have `held` release it."""
        now = asyncio.get_running_loop().time
        deadline = now() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                await held.enter_async_context(self._locks.setdefault(id, asyncio.Lock()))
        except TimeoutError:
            raise _busy(id, seconds) from None
        pause = SOON
        while (claimed := await self._store.claim(id)) is None:
            if (left := deadline - now()) <= 0:
                raise _busy(id, seconds)
            await asyncio.sleep(min(left, pause * random.uniform(0.5, 1.0)))
            pause = min(2 * pause, LATER)
        held.push_async_callback(self._release, claimed)
        session = Session(self._agent, self._store, claimed, self._timeout)
        held.callback(session.end, "it was released")
        if self._store.lease:
            keeping = asyncio.create_task(session.keep())
            held.callback(keeping.cancel)
        return session

    async def _release(self, claimed: ClaimedSession) -> None:
        try:
            await self._store.release(claimed)
        except (StoreUnavailable, StoreFull) as error:
            log.warning("session not released; its lease will expire", session=claimed.id, error=str(error))


def _busy(id: str, seconds: float) -> SessionBusy:
    return SessionBusy(f'session "{id}" was in use elsewhere for {seconds:g} s; try again later')
