"""The receipt of a delivery, returned to its sender."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.errors import Busy, NoSuchThread, ThreadEnded

Status = Literal["accepted", "duplicate", "ignored"]
Only = Literal["", "open", "idle"]
"""A condition on the chat: none, that it exists and has not ended, or also that no event is running or waiting."""


OWN = "our own message"
"""Why an event is ignored whose message an agent wrote."""


class Receipt(msgspec.Struct, frozen=True):
    """How a delivery was handled. `dispatch_id` is the same for each redelivery of an event."""

    dispatch_id: str
    thread: str
    status: Status
    reason: str | None = None

    @classmethod
    def read(cls, dispatch_id: str, thread: str, result: bytes) -> Receipt:
        """Decode a receipt returned by the script `accept`. Raises `NoSuchThread`, `ThreadEnded` or `Busy`."""
        status, *original = result.split(b"\n")
        if original:
            # As first stored: a sender may reuse an id with another body.
            dispatch_id, thread = original[0].decode(), original[1].decode()
        match status:
            case b"duplicate":
                return cls(dispatch_id, thread, "duplicate")
            case b"own":
                return cls(dispatch_id, thread, "ignored", OWN)
            case b"revived":
                return cls(dispatch_id, thread, "accepted", "replayed from the dead letters")
            case b"missing":
                raise NoSuchThread
            case b"ended":
                raise ThreadEnded
            case b"busy":
                raise Busy
            case _:
                return cls(dispatch_id, thread, "accepted")
