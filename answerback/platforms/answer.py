"""Reading a platform's HTTP answer: how long to wait, what the JSON says, and never an exception but ours."""

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
# With a fraction, which the standard does not have and some send.

LONGEST_WAIT = 86_400.0
LONGEST_OUTAGE = 3600.0
"""Seconds that a failing platform can make us leave it alone: what fails does not know for how long."""


def harmless(request: Request) -> Exchange[Response]:
    """Ask something that changes nothing there: a lost answer leaves no doubt behind, so `unknown` is false."""
    try:
        return (yield request)
    except Unavailable as lost:
        raise Unavailable(str(lost), unknown=False) from lost


def seconds_to_wait(headers: Headers, now: float, default: float) -> float:
    """What `retry-after` asks for, in seconds from 1 to a day: a number or an HTTP date; `default` without one.

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
    """What `retry-after` of a failure (503, say) asks for, in seconds up to an hour; 0 when it does not ask."""
    return min(seconds_to_wait(headers, now, 0.0), LONGEST_OUTAGE) if headers.get("retry-after", "").strip() else 0.0


def time_there(headers: Headers, ours: float) -> float:
    """The time by the platform's clock, as its answer tells it; `ours` where it does not. Ours may be wrong.

    https://www.rfc-editor.org/rfc/rfc9110#field.date
    """
    told = _timestamp(headers.get("date", ""))
    return ours if told is None else told


def clock_off(headers: Headers, ours: float) -> float | None:
    """By how many seconds our clock is ahead of theirs, behind if negative; None where they do not tell theirs."""
    told = _timestamp(headers.get("date", ""))
    return None if told is None else ours - told


def _timestamp(date: str) -> float | None:
    try:
        when = parsedate_to_datetime(date)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def read(response: Response, decoder: msgspec.json.Decoder[T], whose: str, *, unknown: bool) -> T:
    """The body of an answer that says all is well. What cannot be read is `Unavailable`: a proxy or an outage spoke.

    `unknown`: whether what was asked may have been done all the same.
    """
    try:
        return tolerant(decoder, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unavailable(
            f"{whose} answered {response.status} with something unreadable: {error}", unknown=unknown
        ) from error


def moment(milliseconds: int, margin: float) -> datetime:
    """A time of ours as a datetime, `margin` seconds earlier: their clock may be behind ours."""
    return datetime.fromtimestamp(max(milliseconds / 1000 - margin, 0), UTC)
