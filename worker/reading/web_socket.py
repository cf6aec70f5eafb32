"""One WebSocket to a platform: its frames are given to the platform's rules, and deliveries are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from answerback.log import get_logger
from answerback.platforms.reading import Reader, Received

from .intake import Intake, NotStored

log = get_logger(__name__)

AT_ONCE = 100
"""Deliveries of one socket that are stored at once; the next frame is read when there are fewer."""
LARGEST = 16_777_216
"""Bytes of a frame."""
OPENED_WITHIN = 30.0
"""Seconds from the request until the platform says that the connection delivers."""
HEARTBEAT = 30.0
"""Seconds between pings; without a response to one, the connection counts as lost."""
CLOSING = 3.0
"""Seconds that deliveries being stored have once the socket is to be closed."""


class PlatformSocket:
    """A socket. `leaving` is set once another one should be opened: it was lost, or the platform is about to close it.

    ready   set once it delivers
    off     whether it can be opened again only after someone has changed something at the platform
    """

    def __init__(self, reader: Reader, intake: Intake, moved: Callable[[str], Awaitable[None]]) -> None:
        self._reader = reader
        self._intake = intake
        self._moved = moved
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._storing: set[asyncio.Task[None]] = set()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.ready, self.leaving = asyncio.Event(), asyncio.Event()
        self.off = False
        self.reason = ""

    async def run(self, session: aiohttp.ClientSession, url: str) -> None:
        """Read until the socket is closed or lost."""
        try:
            async with session.ws_connect(url, heartbeat=HEARTBEAT, max_msg_size=LARGEST) as self._socket:
                async for message in self._socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await self._frame(self._socket, message.data)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.reason = self.reason or f"{type(error).__name__}: {error}"
        finally:
            self.reason = self.reason or "closed"
            self.leaving.set()
            for task in self._storing:
                task.cancel()

    async def close(self) -> None:
        """Close the socket, once what it has delivered is stored and acknowledged."""
        if self._storing:
            await asyncio.wait(self._storing, timeout=CLOSING)
        if self._socket is not None:
            await self._socket.close()

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, frame: str) -> None:
        received = self._reader.receive(frame)
        for answer in received.send:
            await socket.send_str(answer)
        if received.ready:
            self.ready.set()
        if received.leave:
            self.off, self.reason = received.off, received.leave
            self.leaving.set()
        if received.delivery is not None:
            await self._slots.acquire()
            task = asyncio.create_task(self._store(socket, received))
            self._storing.add(task)
            task.add_done_callback(self._stored)

    def _stored(self, task: asyncio.Task[None]) -> None:
        self._storing.discard(task)
        self._slots.release()

    async def _store(self, socket: aiohttp.ClientWebSocketResponse, received: Received) -> None:
        assert received.delivery is not None
        try:
            answer = await self._intake.take(received.delivery)
            if received.position:
                await self._moved(received.position)
            for frame in self._reader.acknowledge(received, answer):
                await socket.send_str(frame)
        except NotStored:
            pass  # the platform repeats it
        except (aiohttp.ClientError, OSError) as error:
            # Stored, but not acknowledged: its repeat is a duplicate.
            log.debug("delivery not acknowledged", error=str(error))
