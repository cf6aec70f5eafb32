"""Interpret the Graph API's responses: wait, give up, or retry.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

import msgspec

from answerback.errors import NotYet, RateLimited, Rejected, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import requested_wait, seconds_to_wait
from answerback.platforms.attempt import LAST, PASSING, Attempt
from answerback.platforms.decoding import Spare, tolerant
from answerback.platforms.whatsapp.errors import CLOSED, described
from answerback.platforms.whatsapp.payload import Problem

PAIR, NUMBER = 131056, 130429
_WAITS = {PAIR: 6.0, NUMBER: 2.0, 4: 60.0, 17: 60.0, 32: 60.0, 613: 60.0, 80007: 60.0}
"""Codes of rate limits, with the least wait in seconds, doubled each time: Meta says how to grow, not how long to wait.

One user gets about one message in six seconds. https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
"""
_LATER = {131016, 131057}
"""The service is down: the request had no effect."""
_DOUBTFUL = {1, 2, 131000, 135000}
"""Something went wrong, and Meta does not say whether the message was sent."""


class _Failure(msgspec.Struct):
    error: Spare[Problem] = None


_failure = msgspec.json.Decoder(_Failure)


class WindowClosed(Rejected):
    """WhatsApp takes only templates: the user has not written for 24 hours."""


class Missing(Rejected):
    """A file that was uploaded, or is to be read, is not there any more."""


def check(
    response: Response,
    now: float,
    *,
    doing: str,
    unknown: bool,
    attempt: Attempt = LAST,
    number: str = "",
    pair: str = "",
) -> None:
    """Return if the response is a success, else raise the matching error with a text for the operator.

    Args:
        response: Meta's response.
        now: Our time in seconds.
        doing: The operation, such as "posting to 16505551234".
        unknown: Whether the request may have taken effect if Meta fails.
        attempt: The history of the reply.
        number: The rate limit scope of our number.
        pair: That of one user with this number.
    """
    status = response.status
    if 200 <= status < 300:
        return
    problem = _problem(response)
    code = problem.code if problem.code is not None else -1
    words = described(problem, f"WhatsApp refused {doing}")
    if code in _WAITS or status == 429:
        wait = seconds_to_wait(response.headers, now, attempt.pause(_WAITS.get(code, 30.0)))
        scope = {PAIR: pair, NUMBER: number}.get(code, "")
        raise RateLimited(wait, scope, f"WhatsApp asks for a pause of {wait:.0f} s while {doing} ({code})")
    after = requested_wait(response.headers, now)
    if code in _LATER:
        raise NotYet(words, after=after) if attempt is not LAST else Unavailable(words, unknown=False, after=after)
    if code in _DOUBTFUL or problem.is_transient or status >= 500 or status == 408:
        raise Unavailable(f"WhatsApp failed with status {status} while {doing}: {words}", unknown=unknown, after=after)
    if code == CLOSED:
        raise WindowClosed(words)
    if code == -1:
        raise attempt.refused(f"WhatsApp refused {doing} with status {status} and no reason", PASSING)
    raise Missing(words) if _is_missing(code, response) else Rejected(words)


def _is_missing(code: int, response: Response) -> bool:
    # A media id that has expired is reported as an unknown object, or as a parameter that is not one.
    return code in (33, 131052) or (code in (100, 131009) and b"media" in response.body.lower())


def _problem(response: Response) -> Problem:
    try:
        return tolerant(_failure, response.body).error or Problem()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Problem()
