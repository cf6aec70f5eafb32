"""An event loop in a thread of its own, in which connections live, whatever loops and threads the calls come from."""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from answerback.errors import StoreUnavailable

T = TypeVar("T")

CLOSED = "the dispatcher was closed before this was done"


class BackgroundLoop:
    """Runs coroutines in one thread, which the first of them starts. A forked process starts its own.

    Connections belong to one event loop, but an application may have several (one per request in synchronous Django,
    one per test), and some have none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        _all.add(self)

    @property
    def running(self) -> bool:
        """Whether the thread was started in this process."""
        return self._loop is not None

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a coroutine. Return its future, which any thread may wait for."""
        with self._lock:
            if self._loop is None:
                self._loop = _started()
            return asyncio.run_coroutine_threadsafe(work(), self._loop)

    def stop(self) -> None:
        """End the thread, and what it still does. A later call starts another."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def forget(self) -> None:
        """Forget the thread, which a forked process has not, and the lock, which may be held forever."""
        self._lock = threading.Lock()
        self._loop = None


_all: weakref.WeakSet[BackgroundLoop] = weakref.WeakSet()


def _forget_all() -> None:
    for loop in list(_all):
        loop.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _started() -> asyncio.AbstractEventLoop:
    loop = _new_loop()

    def serve() -> None:
        # At its end, the runner cancels all tasks: no one waits forever for a future of a loop that has stopped.
        with asyncio.Runner(loop_factory=lambda: loop):
            loop.run_forever()

    # A daemon: it must not keep a program from ending.
    threading.Thread(target=serve, name="answerback-dispatch", daemon=True).start()
    return loop


def _new_loop() -> asyncio.AbstractEventLoop:
    # Not epoll, which a forked process shares: what it removes there when it ends, its parent would no longer hear.
    poll = getattr(selectors, "PollSelector", None)
    return asyncio.SelectorEventLoop(poll()) if poll else asyncio.new_event_loop()


async def waited(future: Future[T]) -> T:
    """Wait in the caller's event loop. If the caller is cancelled, so is the work.

    Raises `StoreUnavailable` if the thread was stopped meanwhile.
    """
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        raise StoreUnavailable(CLOSED) from None


def refuse_in_event_loop(name: str, instead: str) -> None:
    """Raise `RuntimeError` if an event loop runs in this thread: waiting here would block everything in it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{name} would block the event loop that runs here: use `await {instead}`")


def waited_sync(future: Future[T]) -> T:
    """Wait without an event loop. Raises `StoreUnavailable` if the thread was stopped meanwhile."""
    try:
        return future.result()
    except CancelledError:
        raise StoreUnavailable(CLOSED) from None
