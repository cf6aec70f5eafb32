"""What a turn reports to be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

CallOutcome = Literal["done", "failed", "unknown"]


class Meter:
    """Counts what a turn does. This one counts nothing."""

    def model_request(self, model: str, seconds: float, usage: Mapping[str, int] | None) -> None:
        """Count a request to a language model. A response that an earlier attempt recorded is not requested again.

        `usage`: its "input_tokens" and "output_tokens"; None if the request failed.
        """

    def tool_call(self, tool: str, outcome: CallOutcome) -> None:
        """Count a call of a tool by a model."""


NULL_METER = Meter()
