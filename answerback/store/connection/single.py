"""One server: addressed itself, or as the master that Sentinels name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from redis.asyncio import ConnectionPool

from answerback.redis_address import Address
from answerback.store.connection.node import Command, Node
from answerback.store.connection.sentinel import MasterPool, Sentinels
from answerback.store.connection.topology import Monitor
from answerback.store.connection.wire import TCP, TLS, Master, Packed, SecureMaster, Unix


class Single:
    """The topology of a standalone server, or of a master with Sentinels."""

    def __init__(self, address: Address, options: dict[str, Any], *, patient: dict[str, Any]) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._sentinels: Sentinels | None = None
        if address.kind == "sentinel":
            self._sentinels = Sentinels(address, options)
            made = SecureMaster if address.tls else Master
            pools: list[ConnectionPool] = [
                MasterPool(address.master, self._sentinels, self._moved, connection_class=made, **each)
                for each in (options, patient)
            ]
            name = address.master
        elif address.path:
            pools = [ConnectionPool(connection_class=Unix, path=address.path, **each) for each in (options, patient)]
            name = address.path
        else:
            (host, port), *_ = address.hosts
            kind = TLS if address.tls else TCP
            pools = [ConnectionPool(connection_class=kind, host=host, port=port, **each) for each in (options, patient)]
            name = f"{host}:{port}"
        self._node = Node(name, *pools)
        self.call: Callable[..., Any] = self._node.call
        self.block: Callable[..., Any] = self._node.blocking.execute_command

    async def pipeline(
        self, commands: Sequence[Command], *, transaction: bool, after: Sequence[Command] = ()
    ) -> list[Any]:
        """See `Topology`."""
        return await self._node.pipeline(commands, transaction=transaction, after=after)

    def subscriber(self) -> AbstractAsyncContextManager[Packed]:
        """See `Topology`."""
        return self._node.subscriber()

    async def nodes(self) -> Sequence[Node]:
        """See `Topology`."""
        return [self._node]

    async def monitors(self) -> Sequence[Monitor]:
        """See `Topology`."""
        return await self._sentinels.monitors(self._node.name) if self._sentinels else []

    async def refresh(self) -> None:
        """See `Topology`."""
        for pool in (self._node.pool, self._node.patient):
            if isinstance(pool, MasterPool):
                await pool.get_master_address()

    def job_pool(self) -> ConnectionPool:
        """See `Topology`."""
        return self._node.pool

    async def disconnect_idle(self) -> None:
        """See `Topology`."""
        await self._node.disconnect_idle()

    async def close(self) -> None:
        """See `Topology`."""
        await self._node.close()
        if self._sentinels:
            await self._sentinels.close()

    async def _moved(self, address: tuple[str, int]) -> None:
        # Blocked and subscribed connections to a host that hangs would notice nothing by themselves.
        for pool in (self._node.pool, self._node.patient):
            if isinstance(pool, MasterPool):
                await pool.leave_all_but(address)
        self._node.pipe.leave_all_but(address)
        self.on_change()
