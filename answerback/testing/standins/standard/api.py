"""A receiver of Standard Webhooks: it checks signatures, and recognises repeated ids.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins import signatures
from answerback.testing.standins.faults import Rule
from answerback.testing.standins.journal import Journal, Posted
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Operation, Refusal, StandIn, answer
from answerback.testing.standins.values import Json


class Standard(StandIn):
    """One receiver, at any path."""

    name = "standard"

    def __init__(self, options: Options, journal: Journal) -> None:
        self._options = options
        self._journal = journal
        self.reset()

    def reset(self) -> None:
        self._received: dict[str, Posted] = {}

    def operations(self) -> list[Operation]:
        return [Operation("POST", "{path:.*}", "receive", self._receive)]

    def error(self, status: int, message: str) -> web.Response:
        return answer({"error": message}, status)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        response = self.error(429, "too many requests")
        response.headers["Retry-After"] = str(math.ceil(rule.pause(30)))
        return response

    def passing(self, operation: str) -> list[web.Response]:
        """A receiver that is being deployed: its proxy has no route, then no server."""
        later = self.error(503, "no upstream")
        later.headers["Retry-After"] = "1"
        return [self.error(404, "no route"), later, self.error(409, "conflict")]

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        wrong = signatures.standard_problem(self._options.standard_secret, headers, body, time.time())
        if wrong is not None:
            raise Refusal(self.error(401, wrong))
        identity = headers["webhook-id"]
        known = self._received.get(identity)
        if known is not None:
            known.repeats += 1
            return answer({"received": identity, "duplicate": True})
        said = _said(body)
        self._received[identity] = self._journal.posted(
            self.name,
            "receive",
            id=identity,
            thread=str(said.get("thread", "")),
            body=str(said.get("text", body.decode(errors="replace"))),
            key=identity,
            who=_who(said.get("author")),
        )
        return answer({"received": identity})


def _said(body: bytes) -> Json:
    """Return the text of a body, from its `data` or its top level."""
    try:
        payload = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    data = payload.get("data")
    return data if isinstance(data, dict) else payload


def _who(author: object) -> str:
    return str(author.get("id", "") if isinstance(author, dict) else author or "")
