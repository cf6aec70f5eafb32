"""Errors as RFC 9457 problem details, whatever raised them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypedDict

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from answerback.errors import (
    BadCursor,
    Busy,
    MalformedBody,
    NoSuchThread,
    StoreFull,
    StoreUnavailable,
    ThreadDiffers,
    ThreadEnded,
)
from answerback.log import get_logger

from . import request_id

log = get_logger(__name__)

CODES = {
    "no-credential": "The request shows no API key, or one that opens nothing: unknown, expired, revoked.",
    "missing-scope": "The API key is good, and has not the scope that this route needs.",
    "wrong-origin": "A publishable key is used from a web page for which it was not made, or outside of one.",
    "not-for-this-key": "A publishable key, or a session's token, opens less than the route needs.",
    "rate-limited": "Too many requests with this key: `Retry-After` says when the next one may come.",
    "invalid": "The body or the query is not as this page says; `errors` names each place.",
    "idempotency-key": "The Idempotency-Key was used before for another request.",
    "no-such-agent": "No worker serves an agent of that name.",
    "no-chat": "The agent takes no messages through this API: it answers on platforms alone.",
    "agent-exists": "An agent of that name is in the workers' code.",
    "forbidden-address": "The address is not public, and ALLOW_PRIVATE_URLS is not set.",
    "thread-ended": "The thread, or the session, has ended: it takes no more messages.",
    "thread-differs": "A thread of this id exists, and was created with something else.",
    "busy": "The agent is working, or others wait, and the message was not to wait: it was not taken.",
    "read-only": "The thread is a platform's: what is said there is said on the platform.",
    "turn-failed": "The message was stored, and answering it failed for good; an operator can replay it.",
    "turn-timeout": "The message was stored, and answering it took longer than a turn may take.",
    "turn-cancelled": "The turn was cancelled: what was sent of its answer is not whole.",
    "began-anew": "An attempt failed in mid-stream, and the next one says it in other words: ask for all of it again.",
    "restarting": "The server is being restarted, and waits for no answer: ask again with the same Idempotency-Key.",
    "still-running": "The same request is being worked on: `Retry-After` says when to ask again.",
}
"""Problems that a program may tell apart, by the end of their `type`: what they mean."""
TYPE = "/api/v1/docs#"

PREPARED = web.RequestKey("prepared", bool)
"""Whether an answer is on its way: then there can be no other."""


BROKEN_OFF = (web.RequestPayloadError, web.PayloadAccessError, HttpProcessingError, ConnectionError)
"""What reading a body raises that is not sent as its headers say."""


class FieldError(TypedDict):
    """A wrong field: where ("body", "query" or "header"; a JSON pointer or a name), and what is wrong."""

    where: str
    at: str
    detail: str


class Problem(Exception):
    """A request is refused.

    `code` is one of `CODES`, or "" where the status says it all; `retry_after` in seconds; `more` are other members.
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        code: str = "",
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.errors = errors
        self.more = dict(more or {})
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


def rendered(problem: Problem) -> web.Response:
    """A problem+json response."""
    body: dict[str, object] = {
        "type": TYPE + problem.code if problem.code else "about:blank",
        "title": problem.title,
        "status": problem.status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    if problem.errors:
        body["errors"] = list(problem.errors)
    body |= problem.more
    if id := request_id.current.get():
        body["request_id"] = id
    text, kind = json.dumps(body), "application/problem+json"
    return web.Response(status=problem.status, text=text, content_type=kind, headers=problem.headers)


def problem(status: int, detail: str = "", *, retry_after: int | None = None) -> web.Response:
    """A problem+json response. `retry_after` is in seconds."""
    return rendered(Problem(status, detail, retry_after=retry_after))


def explained(error: Exception, path: str) -> Problem:
    """What a route raised, as a problem. A mistake of ours is logged, and "try again", never a bare 500."""
    match error:
        case Problem():
            return error
        case web.HTTPException():
            own = error.text and ":" not in error.text[:4]
            allow = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            return Problem(error.status, error.text or "" if own else "", headers=allow)
        case NoSuchThread():
            return Problem(404, "there is no such thread")
        case ThreadEnded() | ThreadDiffers() | Busy():
            code = {ThreadEnded: "thread-ended", ThreadDiffers: "thread-differs", Busy: "busy"}[type(error)]
            return Problem(409, str(error), code=code)
        case BadCursor():
            place = FieldError(where="query", at="cursor", detail=str(error))
            return Problem(422, "the query is not as it should be", code="invalid", errors=[place])
        case MalformedBody():
            return Problem(422, str(error), code="invalid")
        case StoreUnavailable() | StoreFull():
            log.debug("Redis is away", path=path, error=str(error))  # the guard has logged it, once
            return Problem(503, "cannot reach the store now, try again", retry_after=2)
        case _ if isinstance(error, BROKEN_OFF):
            return Problem(400, "the body broke off")
        case _:
            log.error("a route failed", path=path, exc_info=error)
            return Problem(503, "something went wrong here, try again", retry_after=5)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turns what a route raises into a problem."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return rendered(explained(error, request.path))
    except Exception as error:
        if request.get(PREPARED):
            raise
        return rendered(explained(error, request.path))
