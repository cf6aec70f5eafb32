"""When somebody who refused a request says to come back: `Retry-After`, and what SDKs make of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from answerback.platforms.answer import time_there

LONGEST = 3600.0
"""Seconds that are waited at most, whatever is asked for: an hour."""

_DEPTH = 5
"""Causes of an exception that are looked at."""


def seconds_in(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to an hour: of `retry-after-ms`, or of `retry-after` (a number, or an HTTP date).

    None where neither is there. Names are in lower case. A date is compared with the server's own clock, where the
    answer has a `date`. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after; the milliseconds are OpenAI's
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


def seconds_told(error: BaseException | None) -> float | None:
    """Seconds to wait as an exception, or what caused it, tells: its `retry_after`, or its response's headers.

    So do exceptions of ours, of pydantic-ai, OpenAI's and Anthropic's SDK, httpx and aiohttp.
    """
    for _ in range(_DEPTH):
        if error is None:
            return None
        if isinstance(error, BaseExceptionGroup):
            # Whoever is the first to be there again is asked then.
            return min((found for each in error.exceptions if (found := seconds_told(each)) is not None), default=None)
        told = getattr(error, "retry_after", None)
        if isinstance(told, int | float) and (seconds := _bounded(told)) is not None:
            return seconds
        for holder in (error, getattr(error, "response", None)):
            headers = getattr(holder, "headers", None)
            if isinstance(headers, Mapping):
                found = seconds_in({str(name).lower(): str(value) for name, value in headers.items()})
                if found is not None:
                    return found
        error = error.__cause__
    return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST) if math.isfinite(seconds) and seconds >= 0 else None
