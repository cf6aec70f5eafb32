"""The base of stand-ins: a named set of operations, and the platform's own format of errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Rule

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RULE = web.RequestKey("rule", Rule)
"""The fault that applies to a request, for handlers that stream a response and fail in the middle of it."""


class Operation(NamedTuple):
    """One operation of a platform's API.

    name  its name in the platform's documentation; a function where only the
          request's body tells (GraphQL)
    """

    method: str
    path: str
    name: str | Callable[[bytes], str]
    handler: Handler


class Refusal(Exception):
    """The platform refuses; `response` is what it sends."""

    def __init__(self, response: web.Response) -> None:
        self.response = response
        super().__init__(f"HTTP {response.status}")


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(
        body=msgspec.json.encode(data), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


class StandIn(ABC):
    """One platform's API, with its state."""

    name: str
    url = ""
    refused = 0
    """How often it refused what it will take later."""

    @abstractmethod
    def operations(self) -> list[Operation]:
        """Return its operations."""

    @abstractmethod
    def reset(self) -> None:
        """Delete all messages."""

    @abstractmethod
    def error(self, status: int, message: str) -> web.Response:
        """Return an error in the platform's format."""

    @abstractmethod
    def limited(self, rule: Rule, operation: str) -> web.Response:
        """Return the response to a client that exceeds a rate limit."""

    @abstractmethod
    def passing(self, operation: str) -> list[web.Response]:
        """Return the temporary refusals of something so new that not all of its servers know it, in order."""

    def refuse(self, operation: str) -> web.Response:
        """Return the next of the temporary refusals."""
        found = self.passing(operation)
        self.refused += 1
        return found[(self.refused - 1) % len(found)]

    def dress(self, response: web.StreamResponse) -> None:
        """Add the headers that every response has."""
        response.headers.setdefault("X-Stand-In", self.name)

    def serves(self, url: str) -> None:
        """Take the address at which the stand-ins are reached."""
        self.url = url

    def act(self, act: str, details: dict[str, Any]) -> dict[str, Any]:
        """Do something as a person, with the webhooks that follow."""
        raise ValueError(f"people do nothing on {self.name}")

    def state(self) -> dict[str, Any]:
        """Return what people see besides messages."""
        return {}

    def seed(self, said: dict[str, Any]) -> dict[str, Any]:
        """Store a message of a person, so that it is found among those of the code under test."""
        raise ValueError(f"nobody else speaks on {self.name}")
