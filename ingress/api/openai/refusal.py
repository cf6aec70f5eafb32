"""Errors in OpenAI's format: https://platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

import re

from aiohttp import web
from pydantic import BaseModel

from ...problems import Problem

CODES = {
    "no-credential": "invalid_api_key",
    "no-such-agent": "model_not_found",
    "rate-limited": "rate_limit_exceeded",
    "invalid": "invalid_value",
}
PASSING = frozenset({"rate-limited", "still-running"})
"""Codes worth a retry. OpenAI's clients retry every 409 and 5xx, but a failed turn has had all its attempts."""


class ErrorDetails(BaseModel):
    """The details of an error."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    """An error in OpenAI's format."""

    error: ErrorDetails


def details(problem: Problem) -> ErrorAnswer:
    """Convert a problem to OpenAI's format."""
    type = "server_error" if problem.status >= 500 else "invalid_request_error"
    if problem.status == 429:
        type = "rate_limit_error"
    places = [f"{_param(place['at'])}: {place['detail']}" for place in problem.errors if place["at"]]
    message = problem.detail or problem.title
    if places and places[0].partition(": ")[2] != message:
        message = f"{message}: {'; '.join(places[:5])}"
    return ErrorAnswer(
        error=ErrorDetails(
            message=message,
            type=type,
            param="model" if problem.code in ("no-such-agent", "no-chat") else _first(problem),
            code=CODES.get(problem.code, problem.code.replace("-", "_")) or None,
        )
    )


def refuse(problem: Problem) -> web.Response:
    """Return a problem as a response in OpenAI's format."""
    # OpenAI reports an invalid field as 400.
    status = 400 if problem.status == 422 else problem.status
    headers = dict(problem.headers)
    if status in (409, 502, 504) and problem.code not in PASSING:
        headers["x-should-retry"] = "false"
    text = details(problem).model_dump_json()
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _first(problem: Problem) -> str | None:
    return _param(problem.errors[0]["at"]) or None if problem.errors else None


def _param(pointer: str) -> str:
    """Convert a JSON pointer to OpenAI's notation: messages[0].content."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", pointer.lstrip("/").replace("/", "."))
