"""A call of a Bot API method: its arguments, and the bot whose token it brings."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.telegram.chats import Bot
from answerback.testing.standins.values import Json


def refusal(status: int, description: str, **parameters: Any) -> Refusal:
    """Return an error of Telegram."""
    return Refusal(response(status, description, **parameters))


def response(status: int, description: str, **parameters: Any) -> web.Response:
    """Return the response of an error."""
    more = {"parameters": parameters} if parameters else {}
    return answer({"ok": False, "error_code": status, "description": description, **more}, status)


@dataclass(frozen=True)
class Call:
    """One call. `files`: what is attached to it, by name: file name, media type, content."""

    bot: Bot
    arguments: Json
    files: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)

    def word(self, name: str) -> str:
        """Return a text argument; "" without it."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: int = 0) -> int:
        """Return a number."""
        try:
            return int(self.arguments.get(name) or default)
        except (TypeError, ValueError):
            raise refusal(400, f"Bad Request: invalid {name}") from None

    def plain(self, name: str) -> Any:
        """Return structured data, given as JSON or as text of JSON; None without it."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                return msgspec.json.decode(value) if value else None
            except msgspec.DecodeError:
                raise refusal(400, f"Bad Request: can't parse {name} JSON object") from None
        return value


async def call_of(request: web.Request, bot: Bot) -> Call:
    """Read a call. Its body was read before."""
    found: Json = dict(request.query)
    files, body = {}, await request.read()
    if request.content_type == "application/json":
        try:
            found |= msgspec.json.decode(body or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise refusal(400, "Bad Request: can't parse JSON object") from None
    elif request.content_type == "multipart/form-data":
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts():
            name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            assert isinstance(name, str)
            assert isinstance(content, bytes)
            if filename := part.get_filename():
                files[name] = (filename, part.get_content_type(), content)
            else:
                found[name] = content.decode()
    elif request.method == "POST":
        found |= {name: str(value) for name, value in (await request.post()).items()}
    return Call(bot, found, files)
