"""The receipt of a delivery, returned to its sender."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.errors import Busy, NoSuchThread, ThreadDiffers, ThreadEnded

Status = Literal["accepted", "duplicate", "ignored"]
Only = Literal["", "open", "idle"]
"""A condition on the chat: none, that it exists and has not ended, or also that no event is running or waiting."""


class ChatFields(msgspec.Struct, frozen=True, kw_only=True):
    """A chat that its first message opens, unless it exists.

    Attributes:
        digest: A digest of its parameters.
        fields: The fields of its thread, names and values in turn.
        user: The product's id of its user.
        later: The time for which an ephemeral chat is kept in addition, ms; None for a chat that is listed.
    """

    digest: str
    fields: tuple[str, ...]
    user: str = ""
    later: int | None = None


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
        """Decode a receipt returned by the script `accept`.

        Raises `NoSuchThread`, `ThreadDiffers`, `ThreadEnded` or `Busy`.
        """
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
            case b"different":
                raise ThreadDiffers
            case b"ended":
                raise ThreadEnded
            case b"busy":
                raise Busy
            case _:
                return cls(dispatch_id, thread, "accepted")
