"""Waiting for Redis to come back: what is repeated while it is away, and how often."""

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
_UNFIT = wait_random_exponential(multiplier=0.2, max=10)  # somebody has to mend it


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _pause(state: RetryCallState) -> float:
    return (_UNFIT if isinstance(_error(state), StoreUnfit) else _AWAY)(state)


def _tell(state: RetryCallState) -> None:
    # The guard logs that Redis is away or full, once for all who wait.
    error = _error(state)
    if state.attempt_number in (1, 10) or state.attempt_number % 60 == 0:
        log.debug("waiting for Redis", attempt=state.attempt_number, error=str(error))


async def retry_while_unavailable(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """`await patiently(call, …)`: repeat a call that may be repeated until Redis answers it.

    There is no limit: a lease that runs out meanwhile is settled by its fence, not by a clock. Who
    must stop earlier cancels.
    """
    try:
        return await call(*args, **kwargs)
    except (StoreUnavailable, StoreFull):
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((StoreUnavailable, StoreFull)),
            wait=_pause,
            before_sleep=_tell,
            reraise=True,
        )
        return await retrying(call, *args, **kwargs)
