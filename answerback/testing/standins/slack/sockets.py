"""Socket Mode: events over WebSockets that the app opens: https://docs.slack.dev/apis/events-api/using-socket-mode

It is on from the first connection, or from the start with an option; then nothing goes to the app's URL.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from answerback.testing.standins.hooks import Attempt
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.calls import arguments, given_token, refusal
from answerback.testing.standins.slack.people import People
from answerback.testing.standins.slack.space import NAME, Space
from answerback.testing.standins.standin import Operation, answer
from answerback.testing.standins.values import Json

MOST = 10
"""Connections of an app at one time."""
_TICKET_SECONDS = 30


@dataclass(eq=False)
class Connection:
    """One WebSocket, and the envelopes sent on it that nobody acknowledged: each waits for a payload."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    retiring: bool = False


class Sockets:
    """`apps.connections.open`, the WebSockets, and what goes over them."""

    def __init__(self, space: Space, people: People) -> None:
        self._space = space
        self._pauses = [float(one) for one in space.options.slack_retries.split(",") if one]
        self._connections: list[Connection] = []
        self._turn = itertools.count()
        space.socket = self._take
        people.add({"disconnect": self._disconnect})
        self.reset()

    def reset(self) -> None:
        """Close all connections, and forget all tickets."""
        self._tickets: dict[str, float] = {}
        self._on = self._space.options.slack_socket_mode
        for connection in self._connections:
            _abort(connection)

    def operations(self) -> list[Operation]:
        """Return the URLs."""
        return [
            Operation("GET", "/apps.connections.open", "apps.connections.open", self._open),
            Operation("POST", "/apps.connections.open", "apps.connections.open", self._open),
            Operation("GET", "/link/", "socket", self._serve),
        ]

    def state(self) -> list[Json]:
        """Return the open connections."""
        return [{"waiting": len(one.waiting), "retiring": one.retiring} for one in self._connections]

    async def _open(self, request: web.Request) -> web.Response:
        """https://docs.slack.dev/reference/methods/apps.connections.open"""
        token = given_token(request, await arguments(request))
        if not token:
            raise refusal("not_authed")
        if token.startswith("xoxb-"):
            raise refusal("not_allowed_token_type")
        if token != self._space.options.slack_app_token:
            raise refusal("invalid_auth")
        self._on = True
        ticket = uuid.uuid4().hex
        self._tickets[ticket] = time.monotonic() + _TICKET_SECONDS
        url = self._space.url.replace("http", "ws", 1)
        return answer({"ok": True, "url": f"{url}/link/?ticket={ticket}&app_id={self._space.options.slack_app}"})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._tickets.pop(request.query.get("ticket", ""), 0) < time.monotonic():
            return web.Response(status=403, text="invalid ticket")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        if len(self._connections) >= MOST:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self._connections.append(connection)
        life = asyncio.create_task(self._live(connection))
        try:
            await socket.send_json(self._hello())
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    _acknowledge(connection, message.data)
        except ConnectionError:
            pass  # it broke
        finally:
            life.cancel()
            self._connections.remove(connection)
            for envelope in connection.waiting.values():
                envelope.cancel()
        return socket

    def _hello(self) -> Json:
        debug = {"host": "applink-standin", "build_number": 1, "approximate_connection_time": 18060}
        about = {"num_connections": len(self._connections), "debug_info": debug}
        return {"type": "hello", **about, "connection_info": {"app_id": self._space.options.slack_app}}

    async def _live(self, connection: Connection) -> None:
        """End a connection at its age: first a warning, then the request to open another one."""
        if seconds := self._space.options.slack_socket_seconds:
            await asyncio.sleep(seconds * 0.75)
            await _leave(connection, "warning")
            await asyncio.sleep(seconds * 0.25)
            await _leave(connection, "refresh_requested", close=True)

    def _disconnect(self, fields: Json) -> Json:
        """End all connections: `reason` is warning, refresh_requested or link_disabled; without one, they break."""
        reason, ended = fields.get("reason", ""), len(self._connections)
        for connection in [one for one in self._connections if not one.retiring]:
            if reason:
                self._space.hooks.track(_leave(connection, reason, close=reason != "warning"))
            else:
                _abort(connection)
        self._on = self._on and reason != "link_disabled"
        return {"connections": ended}

    def _take(self, delivery: Delivery) -> bool:
        if self._on:
            attempt = self._space.hooks.record(NAME, delivery)
            self._space.hooks.track(self._deliver(attempt))
        return self._on

    async def _deliver(self, attempt: Attempt) -> None:
        """Send an event until it is acknowledged, at most once more than there are pauses. Forms are repeated, too."""
        reason, began = "", time.monotonic()
        for number, pause in enumerate([0, *self._pauses]):
            await asyncio.sleep(pause)
            connection = await self._connection()
            if connection is None:
                reason = "connection_failed"
                continue
            answered = await self._send(connection, attempt, number, reason)
            if answered is not None:
                attempt.status, attempt.code, attempt.answer = "OK", 200, answered
                break
            reason = "timeout"
        else:
            attempt.status, attempt.code = reason, 504
        attempt.duration = time.monotonic() - began

    async def _connection(self) -> Connection | None:
        """Return the next of the open connections; wait a little if there is none."""
        deadline = time.monotonic() + self._space.options.slack_ack_seconds
        while True:
            if able := [one for one in self._connections if not one.retiring and not one.socket.closed]:
                return able[next(self._turn) % len(able)]
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(0.01)

    async def _send(self, connection: Connection, attempt: Attempt, number: int, reason: str) -> str | None:
        """Send an envelope. Return the payload with which it was acknowledged; None if it was not."""
        id = str(uuid.uuid4())
        acknowledged = connection.waiting[id] = asyncio.get_running_loop().create_future()
        kind, payload = _kind(attempt), attempt.payload
        envelope = {
            "envelope_id": id,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": number, "retry_reason": reason}
        try:
            await connection.socket.send_str(msgspec.json.encode(envelope).decode())
            fields = await asyncio.wait_for(acknowledged, self._space.options.slack_ack_seconds)
            return msgspec.json.encode(fields).decode() if fields else ""
        except (TimeoutError, ConnectionError, asyncio.CancelledError):
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return None
        finally:
            connection.waiting.pop(id, None)


def _kind(attempt: Attempt) -> str:
    """Return the type of a delivery's envelope."""
    if attempt.delivery.headers["Content-Type"] == "application/json":
        return "events_api"
    return "interactive" if "type" in attempt.payload else "slash_commands"


def _acknowledge(connection: Connection, text: str) -> None:
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return
    waiting = connection.waiting.get(str(fields.get("envelope_id")))
    if waiting is not None and not waiting.done():
        waiting.set_result(fields.get("payload"))


async def _leave(connection: Connection, reason: str, *, close: bool = False) -> None:
    connection.retiring = True
    try:
        await connection.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}})
        if close:
            await connection.socket.close()
    except ConnectionError:
        pass  # it is gone already


def _abort(connection: Connection) -> None:
    """Break a connection without a close frame."""
    if connection.transport is not None:
        connection.transport.abort()
