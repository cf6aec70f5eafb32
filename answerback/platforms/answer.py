"""Read a platform's HTTP responses: waits, clocks and JSON bodies. Raises only our own exceptions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from answerback.errors import Unavailable
from answerback.platforms import Exchange, Headers, Request, Response
from answerback.platforms.decoding import tolerant

T = TypeVar("T")

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
# The standard has no fractions, but some servers send them.

LONGEST_WAIT = 86_400.0
LONGEST_OUTAGE = 3600.0
"""Upper bound of a `retry-after` from a failing platform, in seconds: it cannot know how long it will fail."""


def harmless(request: Request) -> Exchange[Response]:
    """Perform a request without side effects: if the response is lost, `Unavailable` has `unknown` false."""
    try:
        return (yield request)
    except Unavailable as lost:
        raise Unavailable(str(lost), unknown=False) from lost


def seconds_to_wait(headers: Headers, now: float, default: float) -> float:
    """Return the wait in `retry-after` (a number or an HTTP date), in seconds from 1 to a day; else `default`.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        seconds = float(value)
    else:
        when = _timestamp(value)
        seconds = default if when is None else when - time_there(headers, now)
    return min(max(seconds, 1.0), LONGEST_WAIT)


def requested_wait(headers: Headers, now: float) -> float:
    """Return the wait in `retry-after` of a failure (such as 503), in seconds up to an hour; 0 without one."""
    return min(seconds_to_wait(headers, now, 0.0), LONGEST_OUTAGE) if headers.get("retry-after", "").strip() else 0.0


def time_there(headers: Headers, ours: float) -> float:
    """Return the platform's time from the `date` header, or `ours` without one. Our clock may be wrong.

    https://www.rfc-editor.org/rfc/rfc9110#field.date
    """
    theirs = _timestamp(headers.get("date", ""))
    return ours if theirs is None else theirs


def clock_off(headers: Headers, ours: float) -> float | None:
    """Return by how many seconds our clock is ahead (negative: behind); None without a `date` header."""
    theirs = _timestamp(headers.get("date", ""))
    return None if theirs is None else ours - theirs


def _timestamp(date: str) -> float | None:
    try:
        when = parsedate_to_datetime(date)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def read(response: Response, decoder: msgspec.json.Decoder[T], whose: str, *, unknown: bool) -> T:
    """Decode the body of a successful response. An unreadable body, from a proxy or an outage, is `Unavailable`.

    `unknown`: whether the request may have taken effect all the same.
    """
    try:
        return tolerant(decoder, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unavailable(
            f"{whose} responded with status {response.status} and an unreadable body: {error}", unknown=unknown
        ) from error


def moment(milliseconds: int, margin: float) -> datetime:
    """Convert one of our times to a datetime, `margin` seconds earlier since their clock may be behind ours."""
    return datetime.fromtimestamp(max(milliseconds / 1000 - margin, 0), UTC)
