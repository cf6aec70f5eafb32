"""A call of a Web API method: its arguments, and the installation whose token it brings.

https://docs.slack.dev/apis/web-api/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from answerback.testing.standins.slack.installations import Installation
from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.values import Json


def refusal(error: str, **more: Any) -> Refusal:
    """Return an error of Slack."""
    return Refusal(answer({"ok": False, "error": error, **more}))


def true(value: object) -> bool:
    """Read a boolean argument."""
    return str(value).lower() in ("true", "1")


@dataclass(frozen=True)
class Call:
    """One call. `arguments`: from its JSON, form or query."""

    arguments: Json
    installation: Installation

    def word(self, name: str) -> str:
        """Return a text argument; "" without it."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def needed(self, name: str, error: str = "") -> str:
        """Return a text argument. Raises the error of its absence."""
        if found := self.word(name):
            return found
        if error:
            raise refusal(error)
        raise refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] missing required field: {name}"]})

    def json(self, name: str, error: str) -> Any:
        """Return a structured argument, given as JSON or as text of JSON; None without it."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                value = msgspec.json.decode(value) if value else None
            except msgspec.DecodeError:
                raise refusal(error) from None
        return value

    def objects(self, name: str, error: str) -> list[Any] | None:
        """Return a list of objects."""
        value = self.json(name, error)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
            raise refusal(error)
        return value


class Method(NamedTuple):
    """A method of the Web API: its name, the scope it needs ("": none), and what it does.

    scope  "history" and "read" stand for "channels:history" … by the kind of the channel
    """

    name: str
    scope: str
    work: Callable[[Call], Awaitable[Json]]


async def arguments(request: web.Request) -> Json:
    """Return the arguments of a request."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            found |= msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise refusal("invalid_json") from None
    elif request.method == "POST":
        found |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return found


def given_token(request: web.Request, fields: Json) -> str:
    """Return the token of a request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else str(fields.get("token", ""))
