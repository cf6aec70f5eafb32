"""Interpret the responses of Twilio's API: wait, give up, or retry.

https://www.twilio.com/docs/usage/twilios-response, https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import msgspec

from answerback.errors import RateLimited, Rejected, TooLong, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import requested_wait, seconds_to_wait
from answerback.platforms.attempt import LAST, PASSING, Attempt
from answerback.platforms.decoding import Spare, tolerant
from answerback.platforms.twilio.codes import BUSY_ACCOUNT, BUSY_SENDER, CREDENTIAL, TOO_LONG, explained
from answerback.platforms.twilio.place import TwilioPlace

USUAL_WAIT = 2.0
"""Seconds to wait if Twilio does not say how long, since it counts by the second; doubled each time."""


class ApiError(msgspec.Struct):
    """The fields of an error."""

    code: Spare[int] = None
    message: Spare[str] = None


_error = msgspec.json.Decoder(ApiError)


def check(
    response: Response,
    now: float,
    *,
    doing: str,
    account: str,
    place: TwilioPlace | None = None,
    unknown: bool = False,
    attempt: Attempt = LAST,
) -> None:
    """Return if the request succeeded, else raise `RateLimited`, `Rejected`, `NotYet` or `Unavailable`.

    Args:
        response: The response.
        now: Our time in seconds.
        doing: What was requested, in words.
        account: The account that was asked, which is the scope of its rate limits.
        place: Where a message was to go.
        unknown: Whether a request that failed may have taken effect.
        attempt: Which attempt it is.
    """
    status = response.status
    if 200 <= status < 300:
        return
    error = _read(response)
    code = error.code or 0
    words = (
        f"{doing}: {explained(code, (error.message or '')[:300])}"
        if code
        else f"{doing}: Twilio responded with {status}"
    )
    if status == 429 or code in BUSY_ACCOUNT or code in BUSY_SENDER:
        scope = place.sender if place and code in BUSY_SENDER else account
        raise RateLimited(seconds_to_wait(response.headers, now, attempt.pause(USUAL_WAIT)), scope, words)
    if status >= 500 or status == 408:
        raise Unavailable(words, unknown=unknown, after=requested_wait(response.headers, now))
    if code in TOO_LONG:
        raise TooLong(words)
    if status in (401, 403) or code in CREDENTIAL:
        # What Twilio says of a credential passes in outages: it is asked a few times more.
        meaning = words if code else f"{doing}: {explained(20003)}"
        raise attempt.refused(meaning, PASSING)
    if 300 <= status < 400:
        raise Rejected(f"{words}: redirects are not followed, set TWILIO_API_URL to the final URL")
    raise Rejected(words)


def _read(response: Response) -> ApiError:
    try:
        return tolerant(_error, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ApiError()
