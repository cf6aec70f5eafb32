"""Classify the API errors of language models: retry the turn later, or fail it for good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic_ai.exceptions import (
    FallbackExceptionGroup,
    ModelAPIError,
    ModelAuthenticationError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRequestRejectedError,
)

from answerback.errors import ModelRefused, ModelUnavailable
from answerback.http.retry_after import seconds_requested

T = TypeVar("T")

LATER = frozenset({408, 409, 425, 429})
"""4xx statuses that are temporary, as SDKs treat them; every other 4xx is final:
https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py (`_should_retry`)"""

REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (ModelAuthenticationError, "check the provider's API key and its permissions"),
    (ModelNotFoundError, "check the model's name, and that this API key may use it"),
    (
        ModelContextWindowExceededError,
        "shorten its input: Agent(tokens=…, messages=…), shorter instructions or tool results",
    ),
    (ModelQuotaExceededError, "the quota or credit is used up: raise it at the provider, then replay the turn"),
    (Exception, "this model does not accept the message, its attachments, the tools or the settings"),
)


async def with_errors_classified(request: Callable[[], Awaitable[T]]) -> T:
    """Return a model's response. An API error is raised as `ModelRefused` (final) or `ModelUnavailable` (retry).

    With fallback models, the error is final only if that of each model is.
    """
    try:
        return await request()
    except (ModelAPIError, FallbackExceptionGroup) as error:
        errors = error.exceptions if isinstance(error, FallbackExceptionGroup) else (error,)
        if not all(isinstance(each, ModelAPIError) for each in errors):
            raise
        reasons = "; ".join(map(str, errors))
        if all(map(is_final, errors)):
            remedy = next(words for kind, words in REMEDIES if isinstance(errors[0], kind))
            raise ModelRefused(
                f"the model rejected the request: {reasons}. Retrying will not help: {remedy}."
            ) from error
        raise ModelUnavailable(f"the model did not respond: {reasons}", retry_after=seconds_requested(error)) from error


def is_final(error: Exception) -> bool:
    """Return whether the same request would be rejected again."""
    if isinstance(error, ModelQuotaExceededError):
        # A quota that is reset on its own comes with the time of the reset.
        return seconds_requested(error) is None
    if isinstance(error, ModelHTTPError):
        return 400 <= error.status_code < 500 and error.status_code not in LATER
    return isinstance(error, ModelRequestRejectedError)
