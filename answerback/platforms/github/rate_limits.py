"""GitHub's rate limits: whether a response asks for a pause, of how long, and for which requests.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from answerback.platforms import Response
from answerback.platforms.answer import LONGEST_WAIT, seconds_to_wait, time_there
from answerback.platforms.attempt import Attempt

SECONDARY_WAIT = 60.0
"""Seconds to wait if GitHub does not say how many; doubles with each wait.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
"""

TOO_FAST = ("rate limit", "abuse detection", "submitted too quickly")
"""Phrases of an error of any status that mean "wait".

"was submitted too quickly" limits how fast content is created. It comes with status 422, in `errors`, or from GraphQL:
https://github.com/cli/cli/issues/4801
"""


def bucket(scope: str, resource: str) -> str:
    """Return the scope of one of a credential's primary limits: "graphql", "installation:77:core"."""
    return f"{scope}:{resource}" if scope else resource


def limited_scope(response: Response, scope: str, resource: str = "core") -> str:
    """Return the scope that has to wait: of a primary limit only its resource, of a secondary one the whole credential.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
    """
    headers = response.headers
    if "retry-after" in headers or headers.get("x-ratelimit-remaining", "").strip() != "0":
        return scope
    limited = headers.get("x-ratelimit-resource", resource).strip()
    return bucket(scope, limited if limited in ("core", "graphql") else resource)


def too_fast(message: str) -> bool:
    """Return whether an error's message says that we send requests too fast, whatever its status is."""
    lower = message.lower()
    return any(phrase in lower for phrase in TOO_FAST)


def wait_of(response: Response, message: str, now: float, attempt: Attempt) -> float:
    """Return the seconds of the pause that a refusal asks for; 0 if it asks for none."""
    headers = response.headers
    now = time_there(headers, now)
    if response.status == 422 and not too_fast(message):
        return 0.0
    guess = attempt.pause(SECONDARY_WAIT)
    if "retry-after" in headers:
        return seconds_to_wait(headers, now, guess)
    if headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = headers.get("x-ratelimit-reset", "").strip()
        if reset.isascii() and reset.isdigit() and len(reset) <= 11:
            return min(max(int(reset) - now, 1.0), LONGEST_WAIT)
        return guess
    return guess if response.status == 429 or too_fast(message) else 0.0
