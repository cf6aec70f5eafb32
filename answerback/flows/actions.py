"""A flow's HTTP requests: composing them, sending them and reading the responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential

from answerback.agents.turn import Turn
from answerback.errors import ForbiddenAddress, NoEffect, TurnFailed, Unavailable
from answerback.flows.definition import Action, ToolDefinition
from answerback.flows.state import AuthorValue
from answerback.flows.templates import TemplateFailed, evaluate, render
from answerback.http.retry_after import seconds_in
from answerback.http.untrusted import UntrustedHttp
from answerback.platforms import Response

TRIES = 3
WAIT = 30.0
"""Seconds that an action waits at most when a server asks it to retry later. A longer wait counts as a refusal."""
_UNAVAILABLE = wait_exponential(multiplier=0.2)
LIMIT = 1_048_576
"""Maximum size of a response, in bytes."""
DEEPEST = 100
"""Maximum nesting of a response's JSON, counting the innermost value."""

REPEATABLE = ("GET", "PUT", "DELETE")
"""Idempotent methods: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2"""


class NotSent(TurnFailed, NoEffect):
    """The request was not sent because its address is not allowed."""


class ActionRequest(msgspec.Struct, frozen=True):
    """A request in its final form. `repeatable`: it may be sent again if its outcome is unknown."""

    name: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    timeout: float
    repeatable: bool


def compose(action: Action, scope: Mapping[str, Any]) -> ActionRequest:
    """Return the request of an action. Raises `TurnFailed` if its templates do not yield a valid request."""
    try:
        url = render(action.url, scope, _quoted).strip()
        headers = {name: render(value, scope) for name, value in action.headers.items()}
        body = _body(action, scope)
    except TemplateFailed as error:
        raise TurnFailed(f'action "{action.id}": {error}') from None
    if body and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json" if body[:1] in b'{["' else "text/plain; charset=utf-8"
    repeatable = action.method in REPEATABLE if action.idempotent is None else action.idempotent
    return _checked(ActionRequest(action.id, action.method, url, headers, body, action.timeout, repeatable))


def call_of(tool: ToolDefinition, scope: Mapping[str, Any], args: Mapping[str, Any]) -> ActionRequest:
    """Return the request of an HTTP tool. Its arguments become the query of a GET, otherwise the JSON body."""
    method = tool.method or "POST"
    url = render(tool.url or "", scope, _quoted).strip()
    headers = {name: render(value, scope) for name, value in tool.headers.items()}
    body = b""
    if method == "GET":
        query = urlencode(
            {name: value if isinstance(value, str) else json.dumps(value) for name, value in args.items()}
        )
        url += ("&" if "?" in url else "?") + query if query else ""
    else:
        headers.setdefault("Content-Type", "application/json")
        body = json.dumps(args, ensure_ascii=False).encode()
    return _checked(ActionRequest(tool.id, method, url, headers, body, 30, method in REPEATABLE))


def _checked(call: ActionRequest) -> ActionRequest:
    parts = urlsplit(call.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TurnFailed(f'"{call.name}": its url became "{parts.scheme}:…", which is not a web address')
    for name, value in call.headers.items():
        if any(c in value for c in "\r\n\0"):
            raise TurnFailed(f'"{call.name}": the header {name} contains a line break')
    return call


def _quoted(value: Any) -> Any:
    """Percent-encode a collected value, so that it cannot change the structure of a URL."""
    if value is None:
        return ""
    return value if isinstance(value, AuthorValue) else quote(str(value), safe="%")


def _escaped(value: Any) -> Any:
    """Escape a collected value, so that it cannot change the structure of a JSON body."""
    if hasattr(value, "__html__"):
        return value
    return json.dumps(str(value))[1:-1] if isinstance(value, str) else json.dumps(value, default=str)


def _body(action: Action, scope: Mapping[str, Any]) -> bytes:
    if action.body is None:
        return b""
    try:
        shape = json.loads(action.body)
    except ValueError:
        text = render(action.body, scope, _escaped if action.body.lstrip()[:1] in "{[" else lambda value: value)
        return text.encode()
    return json.dumps(_filled(shape, scope, action.string_fields), ensure_ascii=False, default=str).encode()


def _filled(shape: Any, scope: Mapping[str, Any], texts: list[str], name: str = "") -> Any:
    """Render each string of a JSON body on its own. A string that is a single variable takes the variable's type."""
    if isinstance(shape, dict):
        return {key: _filled(value, scope, texts, key) for key, value in shape.items()}
    if isinstance(shape, list):
        return [_filled(value, scope, texts, name) for value in shape]
    if not isinstance(shape, str) or "{" not in shape:
        return shape
    whole = shape.strip()
    if name not in texts and whole.startswith("{{") and whole.endswith("}}") and whole.count("{{") == 1:
        return evaluate(whole[2:-2], scope)
    return render(shape, scope)


class _Again(Exception):
    """The request is sent again, unless this was the last attempt: then `result` stands.

    Args:
        seconds: How long the server asked to wait; None if it did not respond.
    """

    def __init__(self, result: dict[str, Any], seconds: float | None = None) -> None:
        self.result = result
        self.seconds = seconds


async def perform(call: ActionRequest, http: UntrustedHttp, key: str) -> dict[str, Any]:
    """Send a request and return {success, status, data}.

    Without a response the result also has `error`, and `unknown` if the request may have taken effect. The request is
    retried a few times where that is safe, not before the time in `Retry-After`.
    Raises `TurnFailed` for an address that is not allowed.
    """
    headers = dict(call.headers)
    if not call.repeatable or call.method not in REPEATABLE:
        headers.setdefault("Idempotency-Key", key)
    retrying = AsyncRetrying(
        retry=retry_if_exception(_is_worth_waiting()), wait=_wait, stop=stop_after_attempt(TRIES), reraise=True
    )
    try:
        return await retrying(_send, call, http, headers)
    except _Again as last:
        return last.result


def _is_worth_waiting() -> Callable[[BaseException], bool]:
    """Return a check whether to retry after an error. All waits together must not exceed `WAIT`."""
    left = WAIT

    def check(error: BaseException) -> bool:
        nonlocal left
        if not isinstance(error, _Again) or (error.seconds or 0) > left:
            return False
        left -= error.seconds or 0
        return True

    return check


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    seconds = error.seconds if isinstance(error, _Again) else None
    return _UNAVAILABLE(state) if seconds is None else seconds


async def _send(call: ActionRequest, http: UntrustedHttp, headers: Mapping[str, str]) -> dict[str, Any]:
    try:
        response = await http.request(
            call.method, call.url, headers=headers, body=call.body, timeout=call.timeout, limit=LIMIT
        )
    except ForbiddenAddress as error:
        raise NotSent(f'"{call.name}": {error}') from None
    except Unavailable as error:
        unknown = {"unknown": True} if error.unknown and not call.repeatable else {}
        failed = {"success": False, "status": 0, "data": None, "error": str(error), **unknown}
        if call.repeatable or not error.unknown:
            raise _Again(failed) from error
        return failed
    result = _result(response)
    # 429: nothing was done. 503: something may have been. https://www.rfc-editor.org/rfc/rfc6585#section-4
    refused = response.status == 429 or (response.status == 503 and call.repeatable)
    if refused and (seconds := seconds_in(response.headers)) is not None:
        raise _Again(result, seconds)
    return result


def _result(response: Response) -> dict[str, Any]:
    if len(response.body) > LIMIT:
        return {"success": False, "status": response.status, "data": None, "error": f"more than {LIMIT} bytes"}
    return {"success": 200 <= response.status < 300, "status": response.status, "data": _data(response.body)}


def _data(body: bytes) -> Any:
    try:
        data = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = None
    else:
        if _shallow(data):
            return data
    return body.decode(errors="replace")


def _shallow(data: Any) -> bool:
    # The nesting that Python can decode and encode differs between its versions.
    level = [data]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return True
    return False


def acting(turn: Turn, http: UntrustedHttp) -> Callable[[Action, Mapping[str, Any]], Any]:
    """Return a function that runs the actions of a turn, each as a journaled step."""

    async def act(action: Action, scope: Mapping[str, Any]) -> dict[str, Any]:
        call = compose(action, scope)

        async def run() -> dict[str, Any]:
            return await perform(call, http, turn.key)

        return await turn.step(f"action {action.id}", run, idempotent=call.repeatable)

    return act
