"""The ids of spans: random, but for the attempts of turns."""

from __future__ import annotations

from contextvars import ContextVar
from hashlib import blake2b

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class SpanIds(RandomIdGenerator):
    """Random ids, unless the id of the next span is known."""

    def __init__(self) -> None:
        self.next: ContextVar[int] = ContextVar("answerback_span_id", default=0)

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        return self.next.get() or super().generate_span_id()


def attempt_id(thread: str, id: str, fence: int) -> int:
    """Return the id of the span of an attempt. Each claim of a thread has a fence of its own, one above the last."""
    return int.from_bytes(blake2b(f"{thread} {id} {fence}".encode(errors="surrogatepass"), digest_size=8).digest())
