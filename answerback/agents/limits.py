"""The limits of a turn."""

from __future__ import annotations

import msgspec


class TurnLimits(msgspec.Struct, frozen=True):
    """Upper limits of a turn.

    Attributes:
        steps: Number of steps.
        bytes: Total size of the step records.
        tokens: Input and output tokens of all requests to its language model together; None: no limit.
    """

    steps: int = 1000
    bytes: int = 16_777_216
    tokens: int | None = None


STANDARD = TurnLimits()
