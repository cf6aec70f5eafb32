"""What a language model's refusal means for its turn: another try later, or the end of it."""

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
from answerback.http.retry_after import seconds_told

T = TypeVar("T")

LATER = frozenset({408, 409, 425, 429})
"""Refusals that say "not now", as SDKs read them; every other 4xx is final:
https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py (`_should_retry`)"""

REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (ModelAuthenticationError, "check the API key of its provider, and what that key may use"),
    (ModelNotFoundError, "check the model's name, and that this API key may use it"),
    (
        ModelContextWindowExceededError,
        "give it less: Agent(tokens=…, messages=…), shorter instructions or tool results",
    ),
    (ModelQuotaExceededError, "its quota or credit is used up: raise it at the provider, then replay the turn"),
    (Exception, "the request does not suit this model: the message, its attachments, the tools or the settings"),
)


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """A model's answer. In place of an API error raises `ModelRefused` (final) or `ModelUnavailable` (ask again).

    Of several models that were tried one after the other, each has refused for good before that is final.
    """
    try:
        return await ask()
    except (ModelAPIError, FallbackExceptionGroup) as error:
        errors = error.exceptions if isinstance(error, FallbackExceptionGroup) else (error,)
        if not all(isinstance(each, ModelAPIError) for each in errors):
            raise
        said = "; ".join(map(str, errors))
        if all(map(is_final, errors)):
            remedy = next(words for kind, words in REMEDIES if isinstance(errors[0], kind))
            raise ModelRefused(
                f"the model refused the request: {said}. Another try cannot mend that: {remedy}."
            ) from error
        raise ModelUnavailable(f"the model gave no answer: {said}", retry_after=seconds_told(error)) from error


def is_final(error: Exception) -> bool:
    """Whether the same request would be refused again."""
    if isinstance(error, ModelQuotaExceededError):
        # A quota that comes back by itself says when.
        return seconds_told(error) is None
    if isinstance(error, ModelHTTPError):
        return 400 <= error.status_code < 500 and error.status_code not in LATER
    return isinstance(error, ModelRequestRejectedError)
