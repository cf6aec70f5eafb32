"""What a stand-in is: a named set of operations, with the platform's own words for what goes wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Rule

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RULE = web.RequestKey("rule", Rule)
"""The fault that a request falls under, for handlers which stream their answer and must fail in its middle."""


class Operation(NamedTuple):
    """One thing that a platform's API does.

    name  the platform's own word for it, as its documentation has it; a function where only the
          request's body tells (GraphQL)
    """

    method: str
    path: str
    name: str | Callable[[bytes], str]
    handler: Handler


class Refusal(Exception):
    """The platform says no; carries its answer."""

    def __init__(self, response: web.Response) -> None:
        self.response = response
        super().__init__(f"HTTP {response.status}")


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer in JSON."""
    return web.Response(
        body=msgspec.json.encode(data), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


class StandIn(ABC):
    """One platform's API, with its state."""

    name: str
    refused = 0
    """How often it refused what it will take later."""

    @abstractmethod
    def operations(self) -> list[Operation]:
        """What it can do."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything that was said."""

    @abstractmethod
    def error(self, status: int, message: str) -> web.Response:
        """An error in the platform's shape."""

    @abstractmethod
    def limited(self, rule: Rule, operation: str) -> web.Response:
        """What it says to somebody who should wait."""

    @abstractmethod
    def passing(self, operation: str) -> list[web.Response]:
        """What it says, one after the other, of what is so new that not all of its servers know of it."""

    def refuse(self, operation: str) -> web.Response:
        """The next of these."""
        found = self.passing(operation)
        self.refused += 1
        return found[(self.refused - 1) % len(found)]

    def dress(self, response: web.StreamResponse) -> None:
        """Add the headers that every answer has."""
        response.headers.setdefault("X-Stand-In", self.name)

    def seed(self, said: dict[str, Any]) -> dict[str, Any]:
        """Something that somebody else says there, to be found among what the code under test says."""
        raise ValueError(f"nobody else speaks on {self.name}")
