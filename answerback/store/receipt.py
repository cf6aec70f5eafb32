"""What became of a delivery: the answer to whoever brought it."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["accepted", "duplicate", "ignored"]


class Receipt(msgspec.Struct, frozen=True):
    """What became of a delivery. `dispatch_id` is the same for each redelivery of an event."""

    dispatch_id: str
    thread: str
    status: Status
    reason: str | None = None
