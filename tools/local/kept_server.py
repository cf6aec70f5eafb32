"""Keep the bundled server running while `up` runs: start it, and restart it when it ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from answerback.errors import ConfigurationError
from answerback.store.embedded import EmbeddedServer, disk_full

from .processes import FIRST_DELAY, LONGEST_DELAY, STEADY, Write


class KeptServer:
    """The bundled server on the folder `data`. It must not stop before its clients: Ctrl-C does not reach it."""

    def __init__(self, data: Path, write: Write) -> None:
        self._server = EmbeddedServer(data)
        self._write = write

    @property
    def url(self) -> str:
        """The URL clients connect to."""
        return self._server.url

    def start(self) -> None:
        """Start the server and return once it responds. Raises `ConfigurationError`."""
        # Not in a thread: a server that is still starting could not be stopped.
        self._server.start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()

    async def keep(self, until: asyncio.Event) -> None:
        """Restart the server whenever it ends, until the event is set. Raises `ConfigurationError`."""
        delay, logged, since = FIRST_DELAY, "", time.monotonic()
        while not await _set_within(0.5, until):
            if self._server.alive:
                if time.monotonic() - since > STEADY:
                    delay, logged = FIRST_DELAY, ""
                continue
            # Keep trying while the disk is full, but log the reason only once.
            if (why := self._server.why_ended()) != logged:
                logged = why
                self._write("up", f"the server ended: {why}")
            if await _set_within(delay, until):
                return
            self._write("up", "restarting the server")
            delay, since = min(delay * 2, LONGEST_DELAY), time.monotonic()
            try:
                self._server.start()
            except ConfigurationError:
                if not disk_full(self._server.data):
                    raise


async def _set_within(seconds: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
