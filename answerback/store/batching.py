"""Group commit: items that arrive while a write is in flight are sent together in the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from answerback.errors import StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Calls `flush` with a list of items: at most `limit` items per call, at most `flights` calls at a time.

    `flush` returns a result for each item, in order; an exception is raised for each of its items. If the store is
    unavailable, the exception is raised for all waiting items as well: otherwise each group would wait for a timeout
    of its own.
    """

    def __init__(
        self, flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]], limit: int = 128, flights: int = 1
    ) -> None:
        self._flush = flush
        self._limit = limit
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._flights = flights
        self._flying = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, item: T) -> asyncio.Future[R]:
        """Add an item to the next group. Await the result; cancelling it before the group is sent drops the item."""
        future = asyncio.get_running_loop().create_future()
        # An agent may take all of this process's memory, so that any of this fails: a future that is not resolved would
        # be waited for forever, and the lease of its thread renewed.
        if self._flying < self._flights:
            flight = asyncio.create_task(self._run())
            self._flying += 1
            self._tasks.add(flight)
            flight.add_done_callback(self._tasks.discard)
        self._waiting.append((item, future))
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._write()
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._flying -= 1

    def _fail(self, error: BaseException) -> None:
        # None of these was sent: callers that may wait longer submit them again.
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)

    async def _write(self) -> None:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        try:
            batch = [each for each in islice(self._waiting, self._limit) if not each[1].done()]
            # Only now: if what is before fails, they still wait.
            for _ in range(min(self._limit, len(self._waiting))):
                self._waiting.popleft()
            if not batch:
                return
            results = await self._flush([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} items were sent together, but {len(results)} results came back")
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if isinstance(error, StoreUnavailable) or not batch:
                self._fail(error)
            if not isinstance(error, Exception):
                raise
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
