"""What GitHub's refusals mean: wait, give up, or try again."""

from __future__ import annotations

import msgspec

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import LONGEST_WAIT, seconds_to_wait, time_there

SECONDARY_WAIT = 60.0
"""Seconds, where GitHub does not say how many.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
"""

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


class _Error(msgspec.Struct):
    message: str = ""


class GraphError(msgspec.Struct):
    """One error of a GraphQL answer, which comes with status 200."""

    message: str = ""
    type: str = ""
    extensions: dict[str, object] | None = None

    @property
    def kind(self) -> str:
        """GitHub's word for it; "" where the error is GitHub's own."""
        return self.type.upper() or str((self.extensions or {}).get("code", ""))


_error = msgspec.json.Decoder(_Error)


def check(response: Response, now: float, name: str, *, doing: str, scope: str, unknown: bool) -> None:
    """Return if the answer is a success. Else raise what it means, in words for an operator.

    `name` is the setting of the credential, `doing` what was tried ("replying to acme/widgets#7"),
    `scope` the credential's rate limit bucket; `unknown` whether a 5xx may have taken effect.
    """
    status = response.status
    if 200 <= status < 300:
        return
    said = _message(response)
    if status in (403, 429) and (wait := _wait(response, said, now)):
        raise RateLimited(wait, _limited(response, scope), f"GitHub asks us to wait {wait:.0f} s while {doing}: {said}")
    if status >= 500 or status == 408:
        raise Unavailable(f"GitHub answered {status} while {doing}: {said}", unknown=unknown)
    if status == 401:
        raise Rejected(f"GitHub does not accept {name} any more: {said}. Replace it, then replay what failed.")
    if status in (404, 410):
        raise Rejected(f"GitHub answered {status} while {doing}: it is gone, or {name} may not see it ({said})")
    raise Rejected(f"GitHub refused {doing} ({status}): {said}{_advice(said)}")


def check_graph(
    errors: list[GraphError], response: Response, now: float, *, doing: str, scope: str, unknown: bool
) -> None:
    """Return if a GraphQL answer, which has status 200 whatever happened, has no errors.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """
    if not errors:
        return
    said = "; ".join(error.message for error in errors)[:_LONGEST_QUOTE]
    kinds = {error.kind for error in errors}
    if kinds & {"RATE_LIMITED", "RATE_LIMIT"} or "rate limit" in said.lower():
        wait = _wait(response, "rate limit", now)
        raise RateLimited(
            wait, _limited(response, scope, "graphql"), f"GitHub asks us to wait {wait:.0f} s while {doing}: {said}"
        )
    if not kinds - {"", "INTERNAL", "SERVICE_UNAVAILABLE", "LOADING"}:
        # Errors of GitHub's own carry no type: "Something went wrong while executing your query."
        raise Unavailable(f"GitHub failed while {doing}: {said}", unknown=unknown)
    raise Rejected(f"GitHub refused {doing}: {said}{_advice(said)}")


def bucket(scope: str, resource: str) -> str:
    """The scope of one of a credential's primary limits: "graphql", "installation:77:core"."""
    return f"{scope}:{resource}" if scope else resource


def _limited(response: Response, scope: str, resource: str = "core") -> str:
    """What has to wait: for a primary limit its resource alone, for a secondary one everything of the credential.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
    """
    headers = response.headers
    if "retry-after" in headers or headers.get("x-ratelimit-remaining", "").strip() != "0":
        return scope
    told = headers.get("x-ratelimit-resource", resource).strip()
    return bucket(scope, told if told in ("core", "graphql") else resource)


def _wait(response: Response, said: str, now: float) -> float:
    """Seconds that a 403 or 429 asks us to wait; 0 when it is not about waiting at all."""
    headers = response.headers
    now = time_there(headers, now)
    if "retry-after" in headers:
        return seconds_to_wait(headers, now, SECONDARY_WAIT)
    if headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = headers.get("x-ratelimit-reset", "").strip()
        if reset.isascii() and reset.isdigit() and len(reset) <= 11:
            return min(max(int(reset) - now, 1.0), LONGEST_WAIT)
        return SECONDARY_WAIT
    if response.status == 429 or "rate limit" in said.lower() or "abuse" in said.lower():
        return SECONDARY_WAIT
    return 0.0


def _message(response: Response) -> str:
    try:
        said = _error.decode(response.body).message
    except (msgspec.MsgspecError, ValueError, RecursionError):
        said = response.body[:_LONGEST_QUOTE].decode(errors="replace")
    return " ".join(said.split())[:_LONGEST_QUOTE].rstrip(".") or "no reason given"


def _advice(said: str) -> str:
    lower = said.lower()
    return next((f" — {what_to_do}" for word, what_to_do in _ADVICE.items() if word in lower), "")
