"""Classify GitHub's error responses: wait, give up, or try again."""

from __future__ import annotations

import msgspec

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import requested_wait, time_there
from answerback.platforms.attempt import FINAL, LAG, LAST, PASSING, Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.github.error import by_github, message_of, one_line
from answerback.platforms.github.rate_limits import TOO_FAST, limited_scope, too_fast, wait_of

YOUNG = 60.0
"""Seconds during which a token that GitHub issued may not be known to all of its servers.

https://github.com/octokit/auth-app.js/issues/65
"""

_UNKNOWN_NODE = "could not resolve to"
"""Phrase of an error about an object that GitHub does not know, possibly because it is so new."""

# Phrases of GitHub's message → what an operator can do about it.
_ADVICE = {
    "not accessible by": "give it write access to issues, pull requests and discussions of this repository",
    "locked": "unlock the conversation, or drop the reply",
    "archived": "the repository takes no more comments",
    "saml": "authorize the token for the organization's single sign-on",
    "line could not be resolved": "a comment of the review is about a line that the diff does not have",
    "path could not be resolved": "a comment of the review is about a file that the diff does not have",
    "your own pull request": "nobody can approve their own pull request: review with verdict comment",
    "suspended": "the account or installation is suspended: have that lifted there, then replay what failed",
    "too long": "the reply is longer than GitHub takes",
}

_TOO_LONG = "too long"
_UNCHANGEABLE = ("locked", "archived", "saml", "suspended", "spam")
"""Words of errors that are final, however recent the event and the token are."""


class GraphError(msgspec.Struct):
    """One error of a GraphQL response, which has status 200."""

    message: Spare[str] = None
    type: Spare[str] = None
    extensions: Spare[dict[str, object]] = None

    @property
    def kind(self) -> str:
        """Its type or code; "" for an internal error of GitHub."""
        return (self.type or str((self.extensions or {}).get("code") or "")).upper()


class Signed(msgspec.Struct, frozen=True):
    """The credential of a request.

    Attributes:
        setting: The variable that an operator would check.
        issued: Seconds since GitHub issued the installation's token; None for a configured credential.
    """

    setting: str
    issued: float | None = None

    @property
    def young(self) -> bool:
        """Whether some of GitHub's servers may not know it yet."""
        return self.issued is not None and self.issued < YOUNG

    def unaccepted(self, message: str) -> str:
        """Return what a 401 means, for an operator."""
        if self.issued is None and any(claim in message for claim in ("('iat')", "('exp')")):
            return f"GitHub does not accept the time that we sign with: {message}. Set the clock of this machine (NTP)."
        if self.issued is None:
            return f"GitHub does not accept {self.setting} any more: {message}. Replace it, then replay what failed."
        return (
            f"GitHub does not accept the installation token that it issued {self.issued:.0f} s ago: {message}. "
            "Check that the app is still installed there and not suspended, then replay what failed."
        )


def check(
    response: Response, now: float, signed: Signed, *, doing: str, scope: str, unknown: bool, attempt: Attempt = LAST
) -> None:
    """Return if the response is a success, else raise what it means, with a message for the operator.

    A refusal is classified by GitHub's message and by the age of the event and of the token: see `Attempt`.

    Args:
        doing: what was tried: "replying to acme/widgets#7"
        scope: the credential's rate limit scope
        unknown: whether a 5xx may have taken effect

    Raises:
        RateLimited, Unavailable, TooLong, NotYet, Rejected
    """
    status = response.status
    if 200 <= status < 300:
        return
    message = message_of(response)
    if status in (403, 422, 429) and (wait := wait_of(response, message, now, attempt)):
        raise RateLimited(
            wait, limited_scope(response, scope), f"GitHub asks for a pause of {wait:.0f} s while {doing}: {message}"
        )
    if status >= 500 or status == 408:
        after = requested_wait(response.headers, now)
        raise Unavailable(f"GitHub answered {status} while {doing}: {message}", unknown=unknown, after=after)
    if status == 413 or (status == 422 and _TOO_LONG in message.lower()):
        raise TooLong(_words(status, message, signed, doing))
    fresh = attempt.fresh(time_there(response.headers, now))
    patience = _patience(status, message, signed, fresh=fresh)
    if not by_github(response):
        patience = max(patience, PASSING)
    raise attempt.refused(_words(status, message, signed, doing), patience)


def check_graph(
    errors: list[GraphError],
    response: Response,
    now: float,
    signed: Signed,
    *,
    doing: str,
    scope: str,
    unknown: bool,
    attempt: Attempt = LAST,
) -> None:
    """Do the same for the errors of a GraphQL response, which has status 200 even if it failed.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """
    if not errors:
        return
    message = one_line("; ".join(error.message or error.kind for error in errors))
    kinds = {error.kind for error in errors}
    if kinds & {"RATE_LIMITED", "RATE_LIMIT"} or too_fast(message):
        wait = wait_of(response, TOO_FAST[0], now, attempt)
        limited = limited_scope(response, scope, "graphql")
        raise RateLimited(wait, limited, f"GitHub asks for a pause of {wait:.0f} s while {doing}: {message}")
    fresh = attempt.fresh(time_there(response.headers, now))
    if "NOT_FOUND" in kinds or _UNKNOWN_NODE in message.lower():
        raise missing(f"GitHub refused {doing}: {message}", attempt, signed, fresh=fresh)
    if not kinds - {"", "INTERNAL", "SERVICE_UNAVAILABLE", "LOADING", "TIMEOUT", "STALE_DATA"}:
        # An internal error has no type: "Something went wrong while executing your query."
        raise Unavailable(f"GitHub failed while {doing}: {message}", unknown=unknown)
    status = 403 if "FORBIDDEN" in kinds else 422
    words = f"GitHub refused {doing}: {message}{_advice(message)}"
    if _TOO_LONG in message.lower():
        raise TooLong(words)
    raise attempt.refused(words, _patience(status, message, signed, fresh=fresh))


def missing(words: str, attempt: Attempt, signed: Signed, *, fresh: bool) -> NotYet | Rejected:
    """Return the error for something that GitHub does not know, or does not know yet."""
    return attempt.refused(words, _patience(404, "", signed, fresh=fresh))


def _words(status: int, message: str, signed: Signed, doing: str) -> str:
    if status == 401:
        return signed.unaccepted(message)
    if status in (404, 410):
        gone = "it is gone: drop the reply" if status == 410 else f"it is gone, or {signed.setting} may not see it"
        return f"GitHub answered {status} while {doing}: {gone} ({message})"
    return f"GitHub refused {doing} ({status}): {message}{_advice(message)}"


def _patience(status: int, message: str, signed: Signed, *, fresh: bool) -> int:
    """Return the number of refusals like this one that are retried."""
    lower = message.lower()
    if any(word in lower for word in _UNCHANGEABLE):
        return FINAL
    if status in (404, 401) or _UNKNOWN_NODE in lower:
        # The server that responds may not know yet what is new: the comment, its repository, the token. And a
        # single response does not prove that something old is gone: it also happens in outages.
        # https://github.com/octokit/octokit.js/issues/900
        return LAG if signed.young or (fresh and status != 401) else PASSING
    if status == 403:
        return LAG if signed.young else FINAL
    return LAG if status in (409, 423, 425) else FINAL


def _advice(message: str) -> str:
    lower = message.lower()
    return next((f" — {advice}" for phrase, advice in _ADVICE.items() if phrase in lower), "")
