"""A TCP proxy between a browser and ingress, whose connections can be broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Network:
    """Forwards what is sent to `port` while it is `whole`."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.whole = True
        self.deaf = False
        """Requests still arrive, and no response comes back."""

    def cut(self) -> None:
        """Break all connections, and refuse new ones until `mend`."""
        self.whole = False
        self._drop()

    def mend(self) -> None:
        """Accept connections again; those that were `deaf` are lost."""
        self.whole, self.deaf = True, False
        self._drop()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a browser to the port."""
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        if not self.whole:  # it may have been cut just now
            writer.transport.abort()
            back.transport.abort()
            return
        self._ends |= {writer, back}
        for source, target, answers in ((reader, back, False), (there, writer, True)):
            task = asyncio.create_task(self._pass(source, target, answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if not (answers and self.deaf):
                    target.write(data)
                    await target.drain()
        target.close()
        self._ends.discard(target)

    def _drop(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()


@asynccontextmanager
async def network(to: int) -> AsyncIterator[Network]:
    """Yield a proxy to a port of loopback."""
    link = Network(to)
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    link.port = server.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        server.close()
        link.cut()
