"""Dispatch over HTTP, with an API key."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_incrementing

from answerback import tracing
from answerback.dispatching.receipt import Answer
from answerback.dispatching.transports import Accepted
from answerback.errors import (
    AnswerbackError,
    Busy,
    ConfigurationError,
    DispatchError,
    InvalidInput,
    StoreUnavailable,
    ThreadDiffers,
    ThreadEnded,
    UnknownAgent,
)
from answerback.http.retry_after import seconds_in
from answerback.store.chats.dispatches import NewDispatch

SECONDS = 15.0
"""How long an event may take to be stored."""
ATTEMPTS = 3
"""How often a request is sent if the connection breaks: the delivery id makes it safe to repeat."""
PAUSE = 0.2
"""Seconds before a request is repeated; longer each time."""
LATER = 1.0
"""Seconds between two requests for an answer, if the API does not say."""
ERRORS: dict[str, type[AnswerbackError]] = {
    "no-such-agent": UnknownAgent,
    "invalid": InvalidInput,
    "thread-differs": ThreadDiffers,
    "thread-ended": ThreadEnded,
    "busy": Busy,
}
"""The errors by the codes of problem documents."""


class HttpTransport:
    """The API of an ingress."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})
        self._loop = asyncio.get_running_loop()

    @property
    def usable(self) -> bool:
        """Whether it was opened in the running event loop."""
        return self._loop is asyncio.get_running_loop()

    async def accept(self, new: NewDispatch) -> Accepted:
        """Store an event."""
        response = await self._post(new, wait=False, timeout=SECONDS)
        if response.status != 202:
            raise _refusal(self._url, response)
        body = response.body
        return Accepted(body["dispatch_id"], body["thread"], body["status"])

    async def answer(self, new: NewDispatch, accepted: Accepted, timeout: float) -> Answer:
        """Wait for the answer to a stored event: repeat the request, which is a duplicate, and wait with it."""
        async with asyncio.timeout(timeout):
            while True:
                try:
                    response = await self._post(new, wait=True, timeout=None)
                except StoreUnavailable:  # the event is stored: its answer comes once ingress is back
                    await asyncio.sleep(LATER)
                    continue
                if (answer := _answer(response, accepted)) is not None:
                    return answer
                if response.status not in (202, 429, 502, 503, 504):
                    raise _refusal(self._url, response)
                if response.status != 202:
                    await asyncio.sleep(response.pause)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _post(self, new: NewDispatch, *, wait: bool, timeout: float | None) -> _Response:
        body = {"input": json.loads(new.input_json), "delivery": new.delivery, "wait": wait}
        named = {"id": new.id, "session": new.session, "user_id": new.user}
        body |= {name: value for name, value in named.items() if value}
        url = f"{self._url}/api/v1/dispatch/{quote(new.agent, safe='')}"
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_BROKEN),
            wait=wait_incrementing(PAUSE, PAUSE),
            stop=stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        try:
            return await retrying(self._once, url, body, aiohttp.ClientTimeout(timeout, sock_connect=SECONDS))
        except _BROKEN as error:
            reason = str(error) or "it did not respond in time"
            raise StoreUnavailable(
                f"Answerback cannot be reached at {self._url}: {reason}. The event may be stored or not: "
                "dispatch it again with the same `delivery`."
            ) from error

    async def _once(self, url: str, body: dict[str, Any], timeout: aiohttp.ClientTimeout) -> _Response:
        trace = tracing.traceparent()
        headers = {"traceparent": trace} if trace else None
        async with self._session.post(url, json=body, timeout=timeout, headers=headers) as response:
            raw = await response.read()
            pause = seconds_in({name.lower(): value for name, value in response.headers.items()})
            return _Response(response.status, _object(raw), LATER if pause is None else pause)


_BROKEN = (aiohttp.ClientError, TimeoutError)


class _Response(NamedTuple):
    """`pause`: seconds after which the request may be repeated."""

    status: int
    body: dict[str, Any]
    pause: float


def _answer(response: _Response, accepted: Accepted) -> Answer | None:
    """Return what became of the event, or None if the response does not say."""
    status, body, _ = response
    if status == 200:
        messages = body["messages"]
        return Answer(
            status=body["status"],
            turn=body["turn"],
            messages=tuple(message["content"] for message in messages),
            output=messages[-1].get("output") if messages else None,
            reason=body.get("reason", ""),
        )
    if status in (502, 504) and _code(body) in ("turn-failed", "turn-timeout"):
        turn = body.get("turn", accepted.dispatch_id)
        return Answer(
            status="failed", turn=turn, code=body.get("code") or "agent_failed", reason=body.get("detail", "")
        )
    if status == 409 and _code(body) == "busy":
        return Answer(status="dropped", turn=accepted.dispatch_id)
    return None


def _refusal(url: str, response: _Response) -> Exception:
    """Return the exception for a refused request."""
    status, body, _ = response
    detail = body.get("detail") or f"the API responded with status {status}"
    if errors := body.get("errors"):
        fields = [f"{each['at'].removeprefix('/')}: {each['detail']}" for each in errors]
        detail = f"{detail}: {'; '.join(fields)}"
    if status in (404, 405) and not body.get("detail"):  # not a route of the API
        return ConfigurationError(
            f"{url} responded with status {status}: ANSWERBACK_URL must be the address of ingress, without the path of "
            "the API, such as https://bots.example.com"
        )
    if status in (401, 403):
        return ConfigurationError(f"ANSWERBACK_API_KEY was refused: {detail}")
    if status in (502, 503, 504):
        return StoreUnavailable(f"{detail}. Dispatch the event again with the same `delivery`.")
    return ERRORS.get(_code(body), DispatchError)(detail)


def _code(body: dict[str, Any]) -> str:
    return str(body.get("type", "")).rpartition("#")[2]


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}  # a proxy's page
    return body if isinstance(body, dict) else {}
