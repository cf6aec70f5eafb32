"""Dispatch over HTTP, with an API key."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from urllib.parse import quote

import aiohttp

from answerback.dispatching.receipt import Answer
from answerback.dispatching.transports import Accepted
from answerback.errors import (
    AnswerbackError,
    Busy,
    ConfigurationError,
    DispatchError,
    InvalidInput,
    StoreUnavailable,
    ThreadEnded,
    UnknownAgent,
)
from answerback.store.chats.dispatches import NewDispatch

SECONDS = 15.0
"""How long an event may take to be stored."""
ATTEMPTS = 3
"""How often a request is sent if the connection breaks: the delivery id makes it safe to repeat."""
PAUSE = 0.2
"""Seconds before a request is repeated."""
ERRORS: dict[str, type[AnswerbackError]] = {
    "no-such-agent": UnknownAgent,
    "invalid": InvalidInput,
    "thread-ended": ThreadEnded,
    "busy": Busy,
}
"""The errors by the codes of problem documents."""


class HttpTransport:
    """The API of an ingress."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})
        self._pid = os.getpid()

    @property
    def usable(self) -> bool:
        """Whether it was opened in this process."""
        return self._pid == os.getpid()

    async def accept(self, new: NewDispatch) -> Accepted:
        """Store an event."""
        status, body = await self._post(new, wait=False, timeout=SECONDS)
        if status != 202:
            raise _refusal(status, body)
        return Accepted(body["dispatch_id"], body["thread"], body["status"])

    async def answer(self, new: NewDispatch, accepted: Accepted, timeout: float) -> Answer:
        """Wait for the answer to a stored event: repeat the request, which is a duplicate, and wait with it."""
        async with asyncio.timeout(timeout):
            while True:
                status, body = await self._post(new, wait=True, timeout=None)
                if status == 200:
                    return _answer(body)
                if status in (502, 504) and _code(body) in ("turn-failed", "turn-timeout"):
                    turn = body.get("turn", accepted.dispatch_id)
                    code = body.get("code") or "agent_failed"
                    return Answer(status="failed", turn=turn, code=code, reason=body.get("detail", ""))
                if status == 409 and _code(body) == "busy":
                    return Answer(status="dropped", turn=accepted.dispatch_id)
                if status not in (202, 429, 502, 503, 504):
                    raise _refusal(status, body)
                if status != 202:
                    await asyncio.sleep(1)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _post(self, new: NewDispatch, *, wait: bool, timeout: float | None) -> tuple[int, dict[str, Any]]:
        body = {"input": json.loads(new.input_json), "delivery": new.delivery, "wait": wait}
        body |= {name: value for name, value in (("id", new.id), ("session", new.session)) if value}
        url = f"{self._url}/api/v1/dispatch/{quote(new.agent, safe='')}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._session.post(
                    url, json=body, timeout=aiohttp.ClientTimeout(timeout, sock_connect=SECONDS)
                ) as response:
                    raw = await response.read()
                    return response.status, _object(raw)
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == ATTEMPTS:
                    reason = str(error) or "it did not respond in time"
                    raise StoreUnavailable(
                        f"Answerback cannot be reached at {self._url}: {reason}. The event may be stored or not: "
                        "dispatch it again with the same `delivery`."
                    ) from error
                await asyncio.sleep(PAUSE * attempt)
        raise AssertionError


def _answer(body: dict[str, Any]) -> Answer:
    messages = body["messages"]
    return Answer(
        status=body["status"],
        turn=body["turn"],
        messages=tuple(message["content"] for message in messages),
        output=messages[-1].get("output") if messages else None,
        reason=body.get("reason", ""),
    )


def _refusal(status: int, body: dict[str, Any]) -> Exception:
    """Return the exception for a refused request."""
    detail = body.get("detail") or f"the API responded with status {status}"
    if errors := body.get("errors"):
        fields = [f"{each['at'].removeprefix('/')}: {each['detail']}" for each in errors]
        detail = f"{detail}: {'; '.join(fields)}"
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
