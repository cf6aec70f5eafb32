"""Pauses between restarts of something that should run without end."""

from __future__ import annotations

import time

from tenacity import RetryCallState, wait_exponential
from tenacity.wait import wait_base


class RestartPause(wait_base):
    """A tenacity wait strategy: exponential pauses, from the first again after a run that lasted longer than `longest`.

    Args:
        first: the first pause, in seconds.
        longest: the longest pause, in seconds.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._longest = longest
        self._exponential = wait_exponential(multiplier=first, max=longest)
        self._began: float | None = None

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds until the next run."""
        now = time.monotonic()
        if now - (retry_state.start_time if self._began is None else self._began) > self._longest:
            retry_state.attempt_number = 1
        pause = self._exponential(retry_state)
        self._began = now + pause
        return pause
