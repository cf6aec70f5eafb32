"""How long the services behind the mounts of a process run: from the first request until the event loop ends.

Frameworks run the lifespan of the outermost application only, so a mount cannot count on one. Its services are a task:
when the server has finished, `asyncio.run` cancels what is left, and the task closes its connections.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
from weakref import WeakKeyDictionary

from answerback.errors import AnswerbackError
from answerback.log import get_logger
from answerback.settings import Settings

from ..running import Running, running
from ..stopping import LAST

log = get_logger(__name__)

LOOK = 0.25
"""Seconds between two looks whether the server is stopping."""


class Services:
    """The services of all mounts with the same settings. Each event loop that serves them has its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lifetimes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lifetime] = WeakKeyDictionary()

    async def start(self) -> Running:
        """Start the services, or return those that run. Raises `ConfigurationError`."""
        loop = asyncio.get_running_loop()
        lifetime = self._lifetimes.get(loop)
        if lifetime is None or lifetime.task.done():
            lifetime = self._lifetimes[loop] = _Lifetime(self._settings)
        return await asyncio.shield(lifetime.ready)

    async def stop(self) -> None:
        """End requests that wait, and stop the services. The next request starts them again."""
        if lifetime := self._lifetimes.pop(asyncio.get_running_loop(), None):
            await lifetime.stop()


class _Lifetime:
    def __init__(self, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Running] = loop.create_future()
        self._grace = settings.grace
        self._stopped = asyncio.Event()
        # In a context of its own: it outlives the request that starts it.
        self.task = loop.create_task(self._run(settings), context=contextvars.Context())

    async def stop(self) -> None:
        self._stopped.set()
        await asyncio.wait({self.task})

    async def _run(self, settings: Settings) -> None:
        try:
            async with running(settings) as services:
                self.ready.set_result(services)
                await self._watch(services)
        except AnswerbackError as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)
            self.ready.exception()  # also when there is no waiter any more
        finally:
            self.ready.cancel()

    async def _watch(self, services: Running) -> None:
        """Wait for the end. Meanwhile, end open streams when the server wants to stop, which waits for them."""
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while not await self._is_stopped():
            if deadline is None and _server_is_stopping():
                log.info("mounts stopping", grace=self._grace)
                deadline = loop.time() + self._grace - LAST
            if deadline is not None:
                services.stopping.end_resumable()
                if loop.time() > deadline:
                    services.stopping.end_all()
        services.stopping.end_resumable()
        services.stopping.end_all()

    async def _is_stopped(self) -> bool:
        try:
            async with asyncio.timeout(LOOK):
                return await self._stopped.wait()
        except TimeoutError:
            return False


def _server_is_stopping() -> bool:
    """Return whether the server of this process waits for its requests to end.

    Uvicorn does not tell applications. Its handler of SIGTERM is a method of the server, which has `should_exit`.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True
