"""Retrying calls while Redis is unavailable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.log import get_logger

log = get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


_AWAY = wait_random_exponential(multiplier=0.05, max=1)
_UNFIT = wait_random_exponential(multiplier=0.2, max=10)  # an operator has to fix it


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _pause(state: RetryCallState) -> float:
    return (_UNFIT if isinstance(_error(state), StoreUnfit) else _AWAY)(state)


def _log(state: RetryCallState) -> None:
    # The guard logs outages, once for all callers.
    error = _error(state)
    if state.attempt_number in (1, 10) or state.attempt_number % 60 == 0:
        log.debug("waiting for Redis", attempt=state.attempt_number, error=str(error))


async def retry_while_unavailable(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Repeat an idempotent call until Redis is available, and return its result.

    There is no time limit: a lease that expires meanwhile is detected by its fence. Cancel the task to stop earlier.
    """
    try:
        return await call(*args, **kwargs)
    except (StoreUnavailable, StoreFull):
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((StoreUnavailable, StoreFull)),
            wait=_pause,
            before_sleep=_log,
            reraise=True,
        )
        return await retrying(call, *args, **kwargs)
