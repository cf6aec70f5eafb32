"""Exchanges with a platform: requests, responses, and the place that they are about."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal, Self, TypeVar

import msgspec

from answerback.events import Address, Event
from answerback.masking import masked
from answerback.platforms.inbound import Headers


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to a platform. `url` is absolute; header values may contain a credential."""

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {masked(self.url)}, {len(self.body)} bytes)"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A complete HTTP response. A lost connection is raised into the exchange as `Unavailable` instead."""

    status: int
    headers: Headers = {}
    body: bytes = b""


T = TypeVar("T")
Exchange = Generator[Request, Response, T]
"""A conversation with a platform: yields requests, is sent responses, returns a result.

Raises `RateLimited`, `Rejected` or `Unavailable` according to the response.
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent is at work: the thread and address of the event it answers.

    Attributes:
        message: The platform's id of the event's message, if it is one.
        author: The platform's id of its author.
        account: Our account that it came through, as in `Event`.
    """

    thread: str
    address: Address
    message: str = ""
    author: str = ""
    account: str = ""

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the place of an event."""
        return cls(
            thread=event.thread,
            address=event.address,
            message=event.message,
            author=event.author.id,
            account=event.account,
        )
