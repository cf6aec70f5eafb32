"""The last moment at which a request can be held back. Only this module relies on internals of aiohttp's client.

Nothing in aiohttp's public interface tells when the first byte of a request is about to be sent. We rely on these
facts, which `tests/unit/test_aiohttp_client.py` checks, each on its own:

- The head of a request is not sent before its body's `write_with_length` is called.
- That method is given a `StreamWriter` with the connection's transport.
- What it raises ends the request with an error, without a byte sent, and is not repeated on another connection.
- A transport whose write buffer has the limit 0 sends at once, and not at the end of the loop's iteration.
"""

from __future__ import annotations

import time

from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.payload import BytesPayload


class HeldBack(Exception):
    """The deadline passed before a byte of the request was sent."""


class DeadlineBody(BytesPayload):
    """A request body that checks the deadline before it is written.

    A process that was paused in the middle of a request must not post after it resumes: another worker may own its
    reply by then.

    Args:
        deadline: the time (`time.monotonic`) after which the request must not be sent.
    """

    def __init__(self, value: bytes, deadline: float) -> None:
        super().__init__(value)
        self._deadline = deadline
        self.held_back = False
        """Whether the deadline had passed, so that nothing was sent."""

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body, or raise `HeldBack` after the deadline."""
        if isinstance(writer, StreamWriter) and writer.transport is not None:
            # Otherwise uvloop writes only at the end of the loop iteration, after all other callbacks.
            writer.transport.set_write_buffer_limits(high=0)
        if time.monotonic() > self._deadline:
            self.held_back = True
            raise HeldBack
        await super().write_with_length(writer, content_length)
