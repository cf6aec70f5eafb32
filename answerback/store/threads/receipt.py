"""What became of a delivery: the answer to whoever brought it."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.errors import Busy, NoSuchThread, ThreadEnded

Status = Literal["accepted", "duplicate", "ignored"]
Only = Literal["", "open", "idle"]
"""What a message asks of its chat: nothing, that it is there and not ended, that nobody works or waits there either."""


OWN = "our own message"
"""The reason for which an event of ours is ignored."""


class Receipt(msgspec.Struct, frozen=True):
    """What became of a delivery. `dispatch_id` is the same for each redelivery of an event."""

    dispatch_id: str
    thread: str
    status: Status
    reason: str | None = None

    @classmethod
    def read(cls, dispatch_id: str, thread: str, found: bytes) -> Receipt:
        """A receipt as the script `accept` gives it. Raises `NoSuchThread`, `ThreadEnded` or `Busy`."""
        what, *first = found.split(b"\n")
        if first:
            # As it was first stored: a sender may use an id again, with another body.
            dispatch_id, thread = first[0].decode(), first[1].decode()
        match what:
            case b"duplicate":
                return cls(dispatch_id, thread, "duplicate")
            case b"own":
                return cls(dispatch_id, thread, "ignored", OWN)
            case b"revived":
                return cls(dispatch_id, thread, "accepted", "taken back from the dead letters")
            case b"missing":
                raise NoSuchThread
            case b"ended":
                raise ThreadEnded
            case b"busy":
                raise Busy
            case _:
                return cls(dispatch_id, thread, "accepted")
