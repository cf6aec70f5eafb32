"""A remote agent: one that thinks elsewhere, and is asked over HTTP.

It serves `POST {url}/agents/chat/{sessionId}` with `{"message", "sessionId"}` and answers `{"response"}` or
`{"result": {"response"}}`. Where there are any, `attachments`, `context` (the conversation so far, where the sender
tells it) and `system` come with the message.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from pydantic import SecretStr

from answerback.agents.turn import Turn
from answerback.errors import AgentUnreachable, ForbiddenAddress, TurnFailed, Unavailable
from answerback.http.retry_after import seconds_in
from answerback.http.untrusted import UntrustedHttp
from answerback.messages import Attachment, Message
from answerback.settings import Settings

PATIENCE = 300.0
"""Seconds that an answer may take before it is asked for again, in another attempt of the turn."""
LIMIT = 4_194_304
LATER = frozenset({408, 425, 429})
"""Refusals that say "not now", as 409 does with a `Retry-After`; every other 4xx is final."""


def ask(
    name: str, url: str, outside: UntrustedHttp | None = None, *, bearer_token: SecretStr | None = None
) -> Callable[[Turn], Awaitable[str]]:
    """A function over a turn that asks the agent at `url`, once for each turn, with the token if there is one.

    An attempt that fails is the turn's to repeat, with the same `Idempotency-Key`.
    """

    outside = outside or UntrustedHttp(private=Settings.load().allow_private_urls)

    async def post(turn: Turn) -> str:
        try:
            answer = await outside.request(
                "POST",
                f"{url.rstrip('/')}/agents/chat/{quote(turn.thread, safe='')}",
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "Idempotency-Key": turn.key,
                    **({"Authorization": f"Bearer {bearer_token.get_secret_value()}"} if bearer_token else {}),
                },
                body=msgspec.json.encode(_question(turn)),
                timeout=PATIENCE,
                limit=LIMIT,
            )
        except ForbiddenAddress as error:
            raise TurnFailed(f'the remote agent "{name}" cannot be asked: {error}') from error
        except Unavailable as error:
            raise AgentUnreachable(f'the remote agent "{name}" gave no answer: {error}') from error
        wait = seconds_in(answer.headers)
        if answer.status >= 500 or answer.status in LATER or (answer.status == 409 and wait is not None):
            raise AgentUnreachable(f'the remote agent "{name}" answered with status {answer.status}', retry_after=wait)
        if not 200 <= answer.status < 300:
            raise TurnFailed(f'the remote agent "{name}" refused the message with status {answer.status}')
        return _response(name, answer.body)

    async def think(turn: Turn) -> str:
        # Asking again is safe by the agent's own word: that is what the Idempotency-Key is for.
        return await turn.step("ask", post, turn, idempotent=True, kind=str)

    return think


def _question(turn: Turn) -> dict[str, Any]:
    question: dict[str, Any] = {"message": turn.text, "sessionId": turn.thread}
    if turn.attachments:
        question["attachments"] = [_attachment(attachment) for attachment in turn.attachments]
    if turn.event.context is not None:
        question["context"] = [_told(message) for message in turn.history]
    if turn.system:
        question["system"] = turn.system
    return question


def _told(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.author and message.author.name:
        told["name"] = message.author.name
    if message.attachments:
        told["attachments"] = [_attachment(attachment) for attachment in message.attachments]
    if message.tools:
        told["toolCalls"] = [
            {"id": call.id, "name": call.name, "args": call.args, "result": call.result} for call in message.tools
        ]
    return told


def _attachment(attachment: Attachment) -> dict[str, str]:
    what = {"data": base64.b64encode(attachment.data).decode()} if attachment.data else {"text": attachment.text}
    return {"name": attachment.name, "contentType": attachment.content_type, **what}


def _response(name: str, body: bytes) -> str:
    try:
        match msgspec.json.decode(body):
            case {"response": str(text)} | {"result": {"response": str(text)}}:
                return text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise TurnFailed(f'the remote agent "{name}" answered with something that has no text as its "response"')
