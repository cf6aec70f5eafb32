"""Remote agents, called over HTTP.

A remote agent serves `POST {url}/agents/chat/{sessionId}` with `{"message", "sessionId"}` and responds with
`{"response"}` or `{"result": {"response"}}`. The request also has `attachments`, `context` (the conversation so far,
if the sender supplies it) and `system`, where present.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from pydantic import SecretStr

from answerback import tracing
from answerback.agents.turn import Turn
from answerback.errors import AgentUnreachable, ForbiddenAddress, NoSuchFile, TurnFailed, Unavailable
from answerback.files import is_text
from answerback.http.retry_after import seconds_in
from answerback.http.untrusted import UntrustedHttp
from answerback.messages import Attachment, Message
from answerback.settings import Settings

TIMEOUT = 300.0
"""Timeout of a request, in seconds. Another attempt of the turn repeats it."""
LIMIT = 4_194_304
LATER = frozenset({408, 425, 429})
"""4xx statuses that are temporary, as is 409 with a `Retry-After`; every other 4xx is final."""


def as_remote(
    name: str, url: str, http: UntrustedHttp | None = None, *, bearer_token: SecretStr | None = None
) -> Callable[[Turn], Awaitable[str]]:
    """Return an agent function that calls the agent at `url` once per turn, with the token if given.

    A failed request is repeated by the turn's next attempt, with the same `Idempotency-Key`.
    """

    http = http or UntrustedHttp(private=Settings.load().allow_private_urls)

    async def post(turn: Turn) -> str:
        try:
            trace = tracing.traceparent()
            response = await http.request(
                "POST",
                f"{url.rstrip('/')}/agents/chat/{quote(turn.thread, safe='')}",
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "Idempotency-Key": turn.key,
                    **({"traceparent": trace} if trace else {}),
                    **({"Authorization": f"Bearer {bearer_token.get_secret_value()}"} if bearer_token else {}),
                },
                body=msgspec.json.encode(await _question(turn)),
                timeout=TIMEOUT,
                limit=LIMIT,
            )
        except ForbiddenAddress as error:
            raise TurnFailed(f'the remote agent "{name}" cannot be called: {error}') from error
        except Unavailable as error:
            raise AgentUnreachable(f'the remote agent "{name}" did not respond: {error}') from error
        wait = seconds_in(response.headers)
        if response.status >= 500 or response.status in LATER or (response.status == 409 and wait is not None):
            raise AgentUnreachable(
                f'the remote agent "{name}" responded with status {response.status}', retry_after=wait
            )
        if not 200 <= response.status < 300:
            raise TurnFailed(f'the remote agent "{name}" rejected the message with status {response.status}')
        return _response(name, response.body)

    async def think(turn: Turn) -> str:
        # Repeating the request is safe: the contract makes remote agents honour the Idempotency-Key.
        return await turn.step("ask", post, turn, idempotent=True, kind=str)

    return think


async def _question(turn: Turn) -> dict[str, Any]:
    question: dict[str, Any] = {"message": turn.text, "sessionId": turn.thread}
    if turn.attachments:
        question["attachments"] = [await _attachment(turn, attachment) for attachment in turn.attachments]
    if turn.event.context is not None:
        question["context"] = [await _context_message(turn, message) for message in turn.history]
    if turn.system:
        question["system"] = turn.system
    return question


async def _context_message(turn: Turn, message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.author and message.author.name:
        fields["name"] = message.author.name
    if message.attachments:
        fields["attachments"] = [await _attachment(turn, attachment) for attachment in message.attachments]
    if message.tools:
        fields["toolCalls"] = [
            {"id": call.id, "name": call.name, "args": call.args, "result": call.result} for call in message.tools
        ]
    return fields


async def _attachment(turn: Turn, attachment: Attachment) -> dict[str, str]:
    content = {"text": attachment.text}
    if attachment.data or attachment.file:
        try:
            data = await turn.read(attachment)
        except NoSuchFile:
            data = b""
        is_readable = attachment.file and is_text(attachment.content_type)
        content = {"text": data.decode()} if is_readable else {"data": base64.b64encode(data).decode()}
    return {"name": attachment.name, "contentType": attachment.content_type, **content}


def _response(name: str, body: bytes) -> str:
    try:
        match msgspec.json.decode(body):
            case {"response": str(text)} | {"result": {"response": str(text)}}:
                return text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise TurnFailed(f'the response of the remote agent "{name}" has no text in "response"')
