"""Read how long to wait before a retry: from `Retry-After` headers and from the exceptions of SDKs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from answerback.platforms.answer import time_there

LONGEST = 3600.0
"""Upper bound of every wait, in seconds: an hour."""

_DEPTH = 5
"""Number of chained exceptions that are inspected."""


def seconds_in(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, 0 to an hour, from `retry-after-ms` or `retry-after` (a number or an HTTP date).

    None if neither is present. Header names are in lower case. A date is compared with the server's clock if the
    response has a `date`. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after; `retry-after-ms` is OpenAI's
    (https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py).
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = _bounded(float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
        if seconds is not None:
            return seconds
    try:
        when = parsedate_to_datetime(headers["retry-after"]).timestamp()
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return None
    return _bounded(max(0.0, when - time_there(headers, time.time())))


def seconds_requested(error: BaseException | None) -> float | None:
    """Return the seconds to wait from an exception or its causes: its `retry_after`, or its response's headers.

    Covers our own exceptions and those of pydantic-ai, the OpenAI and Anthropic SDKs, httpx and aiohttp.
    """
    for _ in range(_DEPTH):
        if error is None:
            return None
        if isinstance(error, BaseExceptionGroup):
            # Retry as soon as the first of several providers allows it.
            return min(
                (wait for each in error.exceptions if (wait := seconds_requested(each)) is not None), default=None
            )
        retry_after = getattr(error, "retry_after", None)
        if isinstance(retry_after, int | float) and (seconds := _bounded(retry_after)) is not None:
            return seconds
        for holder in (error, getattr(error, "response", None)):
            headers = getattr(holder, "headers", None)
            if isinstance(headers, Mapping):
                wait = seconds_in({str(name).lower(): str(value) for name, value in headers.items()})
                if wait is not None:
                    return wait
        error = error.__cause__
    return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST) if math.isfinite(seconds) and seconds >= 0 else None
