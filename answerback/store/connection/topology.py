"""What a `Database` needs of the servers behind REDIS_URL, whether there is one or many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from redis.asyncio import ConnectionPool

from answerback.store.connection.node import Command, Node
from answerback.store.connection.wire import Packed


class Monitor(NamedTuple):
    """A Sentinel: what it reports about the master, or what is wrong and what to do."""

    name: str
    found: str = ""
    problem: str = ""
    advice: str = ""


class Topology(Protocol):
    """The servers that hold the data. Every method raises the client library's errors."""

    on_change: Callable[[], None]
    """Called when another server has become responsible for data: what it published may have been missed."""

    @property
    def call(self) -> Callable[..., Any]:
        """A coroutine function that runs one command, given as words, where its key is."""

    @property
    def block(self) -> Callable[..., Any]:
        """The same for a blocking command, which may take any time."""

    async def pipeline(
        self, commands: Sequence[Command], *, transaction: bool, after: Sequence[Command] = ()
    ) -> list[Any]:
        """Run several commands on keys of one slot, all or none of them if they are a transaction.

        Those `after` them are sent behind them on the same connection; their errors are returned as values.
        """

    def subscriber(self) -> AbstractAsyncContextManager[Packed]:
        """A connection on which all messages arrive, wherever they are published."""

    async def nodes(self) -> Sequence[Node]:
        """Return the servers that accept writes."""

    async def monitors(self) -> Sequence[Monitor]:
        """Return the Sentinels, if there are any."""

    async def refresh(self) -> None:
        """Find out which servers there are now."""

    def job_pool(self) -> ConnectionPool:
        """Return connections to the server that holds the keys of arq."""

    async def disconnect_idle(self) -> None:
        """Close the connections that are not in use."""

    async def close(self) -> None:
        """Close every connection."""
