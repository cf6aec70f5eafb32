"""Socket Mode: the same payloads as webhooks, over a WebSocket that we open. They are not signed.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Answer, Delivery, Exchange, Request
from answerback.platforms.answer import harmless, read
from answerback.platforms.decoding import Spare
from answerback.platforms.reading import Received
from answerback.platforms.slack.refusal import SlackRefused, check

_JSON = {"content-type": "application/json"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class _Opened(msgspec.Struct):
    url: str


class _Envelope(msgspec.Struct):
    type: Spare[str] = None
    envelope_id: Spare[str] = None
    reason: Spare[str] = None
    accepts_response_payload: Spare[bool] = None
    payload: msgspec.Raw = msgspec.Raw(b"")


_opened = msgspec.json.Decoder(_Opened)
_envelope = msgspec.json.Decoder(_Envelope)
_command = msgspec.json.Decoder(dict[str, str | bool | int | float | None])


class SocketReader:
    """See `Reader`."""

    def __init__(self, token: str, api: str, clock: Callable[[], float] = time.time) -> None:
        self._token, self._api, self._clock = token, api, clock

    def __repr__(self) -> str:
        return f"SocketReader({self._api})"

    def connect(self, position: str) -> Exchange[str]:
        """https://docs.slack.dev/reference/methods/apps.connections.open"""
        request = Request(
            method="POST",
            url=f"{self._api}/apps.connections.open",
            headers={"authorization": f"Bearer {self._token}", **_FORM},
        )
        response = yield from harmless(request)
        scope = "apps.connections.open"
        try:
            check(response, self._clock(), doing="opening a connection", scope=scope, unknown=False)
        except SlackRefused as refusal:
            raise Rejected(
                f"Slack opens no connection with SLACK_APP_TOKEN: {refusal.error}. It has to be an app-level token "
                "(xapp-…) with the scope connections:write, of an app whose Socket Mode is switched on"
            ) from refusal
        return read(response, _opened, "Slack", unknown=False).url

    def receive(self, frame: str) -> Received:
        try:
            envelope = _envelope.decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return Received()
        match envelope.type:
            case "hello":
                return Received(ready=True)
            case "disconnect":
                reason = envelope.reason or "without a reason"
                return Received(leave=reason[:100], off=reason == "link_disabled")
        if not envelope.envelope_id:
            return Received()
        delivery = _delivery(envelope.type or "", bytes(envelope.payload))
        id = f"{envelope.envelope_id} {'' if envelope.accepts_response_payload else 'bare'}"
        return Received(delivery=delivery, id=id)

    def acknowledge(self, received: Received, answer: Answer | None) -> Sequence[str]:
        id, _, bare = received.id.partition(" ")
        frame: dict[str, object] = {"envelope_id": id}
        if answer and answer.body and not bare and answer.content_type.startswith("application/json"):
            frame["payload"] = msgspec.Raw(answer.body)
        return [msgspec.json.encode(frame).decode()]


def _delivery(type: str, payload: bytes) -> Delivery:
    """Return a payload as the webhook that it would be."""
    if type == "interactive":
        return Delivery(_FORM, urlencode({"payload": payload.decode()}).encode())
    if type == "slash_commands":
        try:
            fields = _command.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            fields = {}
        return Delivery(_FORM, urlencode({name: _word(value) for name, value in fields.items()}).encode())
    return Delivery(_JSON, payload)


def _word(value: str | bool | float | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
