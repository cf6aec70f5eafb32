"""What GitHub's refusals mean: wait, give up, or try again."""

from __future__ import annotations

import msgspec

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import LONGEST_WAIT, requested_wait, seconds_to_wait, time_there
from answerback.platforms.attempt import FINAL, LAG, LAST, PASSING, Attempt
from answerback.platforms.decoding import Spare, tolerant

SECONDARY_WAIT = 60.0
"""Seconds, where GitHub does not say how many; more each time.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
"""

YOUNG = 60.0
"""Seconds during which a token that GitHub issued may not be known to all of its servers.

https://github.com/octokit/auth-app.js/issues/65
"""

_TOO_FAST = ("rate limit", "abuse detection", "submitted too quickly")
"""Words of an answer of any status that mean "wait".

"was submitted too quickly" limits how fast content is created, and comes as 422, in `errors`, or from GraphQL:
https://github.com/cli/cli/issues/4801
"""

_UNKNOWN_NODE = "could not resolve to"
"""How GitHub says that it does not know an object, also one that it told us of a moment ago."""

_LONGEST_QUOTE = 300

# Words of GitHub's message → what an operator can do about it.
_ADVICE = {
    "not accessible by": "give it write access to issues, pull requests and discussions of this repository",
    "locked": "unlock the conversation, or drop the reply",
    "archived": "the repository takes no more comments",
    "saml": "authorize the token for the organization's single sign-on",
    "suspended": "the account or installation is suspended",
    "too long": "the reply is longer than GitHub takes",
}


_TOO_LONG = "too long"
_UNCHANGEABLE = ("locked", "archived", "saml", "suspended", "spam")
"""Words of a refusal that waiting does not change, however young everything is."""


class _Error(msgspec.Struct):
    message: Spare[str] = None
    errors: object = None


class GraphError(msgspec.Struct):
    """One error of a GraphQL answer, which comes with status 200."""

    message: Spare[str] = None
    type: Spare[str] = None
    extensions: Spare[dict[str, object]] = None

    @property
    def kind(self) -> str:
        """GitHub's word for it; "" where the error is GitHub's own."""
        return (self.type or str((self.extensions or {}).get("code") or "")).upper()


class Signed(msgspec.Struct, frozen=True):
    """What a request was signed with.

    setting  the variable that an operator would look at
    issued   seconds since GitHub issued the installation's token; None for what the operator gave us
    """

    setting: str
    issued: float | None = None

    @property
    def young(self) -> bool:
        """Whether GitHub itself may not know it everywhere."""
        return self.issued is not None and self.issued < YOUNG

    def unaccepted(self, said: str) -> str:
        """A 401, in words for an operator."""
        if self.issued is None and any(claim in said for claim in ("('iat')", "('exp')")):
            return f"GitHub does not accept the time that we sign with: {said}. Set the clock of this machine (NTP)."
        if self.issued is None:
            return f"GitHub does not accept {self.setting} any more: {said}. Replace it, then replay what failed."
        return (
            f"GitHub does not accept the installation token that it issued {self.issued:.0f} s ago: {said}. "
            "See whether the app is still installed there and not suspended, then replay what failed."
        )


_error = msgspec.json.Decoder(_Error)


def check(
    response: Response, now: float, signed: Signed, *, doing: str, scope: str, unknown: bool, attempt: Attempt = LAST
) -> None:
    """Return if the answer is a success. Else raise what it means, in words for an operator.

    `doing` is what was tried ("replying to acme/widgets#7"), `scope` the credential's rate limit bucket;
    `unknown` whether a 5xx may have taken effect. A refusal is judged by what GitHub says and by how young
    the event and the token are: see `Attempt`.
    """
    status = response.status
    if 200 <= status < 300:
        return
    said = _message(response)
    if status in (403, 422, 429) and (wait := _wait(response, said, now, attempt)):
        raise RateLimited(wait, _limited(response, scope), f"GitHub asks us to wait {wait:.0f} s while {doing}: {said}")
    if status >= 500 or status == 408:
        after = requested_wait(response.headers, now)
        raise Unavailable(f"GitHub answered {status} while {doing}: {said}", unknown=unknown, after=after)
    if status == 413 or (status == 422 and _TOO_LONG in said.lower()):
        raise TooLong(_words(status, said, signed, doing))
    fresh = attempt.fresh(time_there(response.headers, now))
    patience = _patience(status, said, signed, fresh=fresh)
    if not _is_githubs(response):
        patience = max(patience, PASSING)
    raise attempt.refused(_words(status, said, signed, doing), patience)


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
    """Return if a GraphQL answer, which has status 200 whatever happened, has no errors.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """
    if not errors:
        return
    said = _line("; ".join(error.message or error.kind for error in errors))
    kinds = {error.kind for error in errors}
    if kinds & {"RATE_LIMITED", "RATE_LIMIT"} or _too_fast(said):
        wait = _wait(response, _TOO_FAST[0], now, attempt)
        limited = _limited(response, scope, "graphql")
        raise RateLimited(wait, limited, f"GitHub asks us to wait {wait:.0f} s while {doing}: {said}")
    fresh = attempt.fresh(time_there(response.headers, now))
    if "NOT_FOUND" in kinds or _UNKNOWN_NODE in said.lower():
        raise missing(f"GitHub refused {doing}: {said}", attempt, signed, fresh=fresh)
    if not kinds - {"", "INTERNAL", "SERVICE_UNAVAILABLE", "LOADING", "TIMEOUT", "STALE_DATA"}:
        # Errors of GitHub's own carry no type: "Something went wrong while executing your query."
        raise Unavailable(f"GitHub failed while {doing}: {said}", unknown=unknown)
    status = 403 if "FORBIDDEN" in kinds else 422
    words = f"GitHub refused {doing}: {said}{_advice(said)}"
    if _TOO_LONG in said.lower():
        raise TooLong(words)
    raise attempt.refused(words, _patience(status, said, signed, fresh=fresh))


def bucket(scope: str, resource: str) -> str:
    """The scope of one of a credential's primary limits: "graphql", "installation:77:core"."""
    return f"{scope}:{resource}" if scope else resource


def missing(words: str, attempt: Attempt, signed: Signed, *, fresh: bool) -> NotYet | Rejected:
    """The error for something that GitHub does not know, or does not know yet."""
    return attempt.refused(words, _patience(404, "", signed, fresh=fresh))


def _limited(response: Response, scope: str, resource: str = "core") -> str:
    """What has to wait: for a primary limit its resource alone, for a secondary one everything of the credential.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
    """
    headers = response.headers
    if "retry-after" in headers or headers.get("x-ratelimit-remaining", "").strip() != "0":
        return scope
    told = headers.get("x-ratelimit-resource", resource).strip()
    return bucket(scope, told if told in ("core", "graphql") else resource)


def _words(status: int, said: str, signed: Signed, doing: str) -> str:
    if status == 401:
        return signed.unaccepted(said)
    if status in (404, 410):
        return f"GitHub answered {status} while {doing}: it is gone, or {signed.setting} may not see it ({said})"
    return f"GitHub refused {doing} ({status}): {said}{_advice(said)}"


def _patience(status: int, said: str, signed: Signed, *, fresh: bool) -> int:
    """How many refusals like this one are put up with before it is believed."""
    lower = said.lower()
    if any(word in lower for word in _UNCHANGEABLE):
        return FINAL
    if status in (404, 401) or _UNKNOWN_NODE in lower:
        # What was made a moment ago may be unknown to the server that we ask: the comment, its repository, the
        # token. And what is old is not believed to be gone at the first word: outages say so, too.
        # https://github.com/octokit/octokit.js/issues/900
        return LAG if signed.young or (fresh and status != 401) else PASSING
    if status == 403:
        return LAG if signed.young else FINAL
    return LAG if status in (409, 423, 425) else FINAL


def _too_fast(said: str) -> bool:
    lower = said.lower()
    return any(words in lower for words in _TOO_FAST)


def _wait(response: Response, said: str, now: float, attempt: Attempt) -> float:
    """Seconds that a refusal asks us to wait; 0 when it is not about waiting at all."""
    headers = response.headers
    now = time_there(headers, now)
    if response.status == 422 and not _too_fast(said):
        return 0.0
    guess = attempt.pause(SECONDARY_WAIT)
    if "retry-after" in headers:
        return seconds_to_wait(headers, now, guess)
    if headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = headers.get("x-ratelimit-reset", "").strip()
        if reset.isascii() and reset.isdigit() and len(reset) <= 11:
            return min(max(int(reset) - now, 1.0), LONGEST_WAIT)
        return guess
    return guess if response.status == 429 or _too_fast(said) else 0.0


def _is_githubs(refusal: Response) -> bool:
    """Whether it says why, in JSON, as GitHub does. A page, or half of one, comes from an outage or from in between."""
    try:
        error = tolerant(_error, refusal.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return bool(error.message or error.errors)


def _message(response: Response) -> str:
    """What GitHub says: its message, and the details that a "Validation Failed" has in `errors`.

    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
    """
    try:
        error = tolerant(_error, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _line(response.body[:_LONGEST_QUOTE].decode(errors="replace"))
    return _line(": ".join(filter(None, [(error.message or "").rstrip("."), "; ".join(_details(error.errors))])))


def _details(errors: object) -> list[str]:
    """The texts in `errors`: a list of texts, or of objects that have a message, or only a field and a code."""
    found = []
    for one in errors if isinstance(errors, list) else [errors] if errors else []:
        if isinstance(one, dict):
            named = [str(one[name]) for name in ("resource", "field", "code") if one.get(name)]
            found.append(str(one.get("message") or " ".join(named)))
        else:
            found.append(str(one))
    return found


def _line(said: str) -> str:
    return " ".join(said.split())[:_LONGEST_QUOTE].rstrip(".") or "no reason given"


def _advice(said: str) -> str:
    lower = said.lower()
    return next((f" — {what_to_do}" for word, what_to_do in _ADVICE.items() if word in lower), "")
