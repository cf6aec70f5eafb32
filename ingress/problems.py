"""Errors as RFC 9457 problem details."""

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
    DispatchError,
    FilesFull,
    InvalidInput,
    MalformedBody,
    NoSuchFile,
    NoSuchThread,
    StoreFull,
    StoreUnavailable,
    ThreadDiffers,
    ThreadEnded,
    UnknownAgent,
)
from answerback.log import get_logger

from . import request_id

log = get_logger(__name__)

CODES = {
    "no-credential": "The request has no API key, or an invalid one: unknown, expired or revoked.",
    "missing-scope": "The API key is valid but lacks the scope that this route requires.",
    "wrong-origin": "The key or cookie is used from a web page at another origin, or a publishable key outside a page.",
    "not-for-this-key": "A publishable key, a session token or a sign-in link gives no access to this route.",
    "rate-limited": "Too many requests with this key. Retry after the seconds in `Retry-After`.",
    "invalid": "The body or the query failed validation; `errors` lists each field.",
    "idempotency-key": "The Idempotency-Key was already used for a different request.",
    "no-such-agent": "No worker serves an agent of that name.",
    "no-chat": "The agent does not accept chat messages: it answers on platforms only, or is short-lived.",
    "agent-exists": "An agent of that name is defined in the workers' code, or was registered with another key.",
    "agent-gone": "The lease of the remote agent has ended. It can be registered again.",
    "too-many-agents": "The workspace has as many remote agents as it may have.",
    "forbidden-address": "The address is not public, and ALLOW_PRIVATE_URLS is not set.",
    "thread-ended": "The thread or session has ended and accepts no more messages.",
    "thread-differs": "A thread with this id exists and was created with different values.",
    "busy": "The agent is working, or other messages wait, and the arrival mode is `drop`: nothing was stored.",
    "no-attention": "The thread is a chat: each message is for its agent, so it cannot be muted or subscribed.",
    "read-only": "The thread belongs to a platform and cannot be changed here; write on the platform.",
    "turn-failed": "The message was stored, but its turn failed permanently. An operator can replay it.",
    "turn-timeout": "The message was stored, but its turn took longer than a turn may take.",
    "turn-cancelled": "The turn was cancelled; the answer sent so far is incomplete.",
    "began-anew": "An attempt failed in mid-stream and the next one wrote another text. Request the answer again.",
    "restarting": "The server is restarting. Send the request again with the same Idempotency-Key.",
    "no-such-file": "The thread has no file with this id, or it was deleted.",
    "files-full": "The files of the thread or of the workspace have used up their space.",
    "file-type": "Files of this media type are not accepted, or the content is not of the declared type.",
    "still-running": "The same request is still running. Retry after the seconds in `Retry-After`.",
}
"""Problem codes, the fragment of `type`, for programs to distinguish, with their meanings."""
TYPE = "/api/v1/docs#"

PREPARED = web.RequestKey("prepared", bool)
"""Whether the response has started, so that no other can be sent."""


BROKEN_OFF = (web.RequestPayloadError, web.PayloadAccessError, HttpProcessingError, ConnectionError)
"""What reading a body raises when the client sends less, or something else, than its headers announce."""


class FieldError(TypedDict):
    """An invalid field: where it is ("body", "query" or "header"), its JSON pointer or name, and what is wrong."""

    where: str
    at: str
    detail: str


class Problem(Exception):
    """A refused request.

    Args:
        code: One of `CODES`, or "" where the status is enough.
        errors: The invalid fields.
        retry_after: Seconds until the request may be repeated.
        more: Extension members of the problem document.
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
        """The reason phrase of the status."""
        return HTTPStatus(self.status).phrase


def rendered(problem: Problem) -> web.Response:
    """Return a problem as an `application/problem+json` response."""
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
    """Return an `application/problem+json` response. `retry_after` is in seconds."""
    return rendered(Problem(status, detail, retry_after=retry_after))


def explained(error: Exception, path: str) -> Problem:
    """Return an exception as a problem. Log an unexpected one, and return a retryable 503 instead of a bare 500."""
    match error:
        case Problem():
            return error
        case web.HTTPException():
            own = error.text and ":" not in error.text[:4]
            allow = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            return Problem(error.status, error.text or "" if own else "", headers=allow)
        case NoSuchFile():
            return Problem(404, str(error), code="no-such-file")
        case FilesFull():
            return Problem(413, str(error), code="files-full")
        case NoSuchThread():
            return Problem(404, "there is no such thread")
        case ThreadEnded() | ThreadDiffers() | Busy():
            code = {ThreadEnded: "thread-ended", ThreadDiffers: "thread-differs", Busy: "busy"}[type(error)]
            return Problem(409, str(error), code=code)
        case BadCursor():
            place = FieldError(where="query", at="cursor", detail=str(error))
            return Problem(422, "request query failed validation", code="invalid", errors=[place])
        case UnknownAgent():
            return Problem(404, str(error), code="no-such-agent")
        case InvalidInput():
            place = FieldError(where="body", at="/input", detail=str(error))
            return Problem(422, "request body failed validation", code="invalid", errors=[place])
        case DispatchError():
            return Problem(409, str(error), code="no-chat")
        case MalformedBody():
            return Problem(422, str(error), code="invalid")
        case StoreUnavailable() | StoreFull():
            log.debug("Redis unavailable", path=path, error=str(error))  # the guard logs it once
            return Problem(503, "the store is unavailable; try again later", retry_after=2)
        case _ if isinstance(error, BROKEN_OFF):
            return Problem(400, "the request body is incomplete")
        case _:
            log.error("request failed", path=path, exc_info=error)
            return Problem(503, "internal error; try again later", retry_after=5)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn exceptions of routes into problem responses."""
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
