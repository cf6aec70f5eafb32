"""An event loop in a thread of its own, in which connections live, whatever loops and threads the calls come from."""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


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
        """End the thread. A later call starts another."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def forget(self) -> None:
        """Forget the thread, which a forked process has not, and the lock, which may be held for ever."""
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
        asyncio.set_event_loop(loop)
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    # A daemon: it must not keep a program from ending.
    threading.Thread(target=serve, name="answerback-dispatch", daemon=True).start()
    return loop


def _new_loop() -> asyncio.AbstractEventLoop:
    # Not epoll, which a forked process shares: what it removes there when it ends, its parent would no longer hear.
    poll = getattr(selectors, "PollSelector", None)
    return asyncio.SelectorEventLoop(poll()) if poll else asyncio.new_event_loop()


async def waited(future: Future[T]) -> T:
    """Wait in the caller's event loop. If the caller is cancelled, so is the work."""
    return await asyncio.wrap_future(future)
