"""One request to a mount, from ASGI's messages to the application and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from multidict import CIMultiDict

from answerback.log import get_logger

from ..api.context import ROOT_PATH
from ..problems import explained, rendered
from .connection import Protocol, Transport, Writer, body_of, make_request
from .types import Receive, Scope, Send

log = get_logger(__name__)

Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ResponseIncomplete(ConnectionError):
    """A response was broken off; the server closes the connection, so that its client sees that it is incomplete."""

    def __init__(self) -> None:
        super().__init__("the response was broken off; its client sees that it is incomplete")


class Exchange:
    """One request and its response.

    Args:
        root: The percent-encoded path at which the application is mounted.
        prefix: What was added in front of the path below it.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, root: str = "", prefix: str = "") -> None:
        self._scope = scope
        self._receive = receive
        self._root = root
        self._transport = Transport()
        self._protocol = Protocol(scope, self._transport)
        self._writer = Writer(send, self._transport, root, prefix)
        self._body = body_of(self._protocol)

    def request(self, server: web.Server, path: str) -> web.BaseRequest:
        """Return the request, with the percent-encoded path that the application sees."""
        request = make_request(server, self._scope, path, self._body, self._protocol, self._writer)
        request[ROOT_PATH] = self._root
        return request

    async def run(self, request: web.BaseRequest, respond: Respond) -> None:
        """Send the response. Raises `ResponseIncomplete` if it was broken off."""
        feeding = asyncio.create_task(self._feed())
        try:
            response = await self._response(request, respond)
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            pass  # the client left, or the response was broken off
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        if self._transport.state == "cut" and not self._writer.ended:
            raise ResponseIncomplete

    async def refuse(self, response: web.Response) -> None:
        """Send a response that needs no application."""
        body = response.body if isinstance(response.body, bytes) else b""
        headers = {**response.headers, "Content-Length": str(len(body))}
        await self._writer.write_headers(f"HTTP/1.1 {response.status}", CIMultiDict(headers))
        await self._writer.write_eof(body if self._scope["method"] != "HEAD" else b"")

    async def _response(self, request: web.BaseRequest, respond: Respond) -> web.StreamResponse:
        try:
            return await respond(request)
        except web.HTTPException as error:
            return rendered(explained(error, request.path))
        except ConnectionError:
            raise
        except Exception as error:
            if not self._writer.begun:
                return rendered(explained(error, request.path))
            log.exception("request failed", path=request.path)
            self._transport.abort()
            raise ConnectionResetError from error

    async def _feed(self) -> None:
        """Feed the body as far as it is read, and notice when the client disconnects."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._transport.lose()
                if not self._body.is_eof():
                    self._body.set_exception(web.RequestPayloadError("the client disconnected"))
                return
            if message["type"] == "http.request" and not self._body.is_eof():
                self._body.feed_data(message.get("body", b""))
                if not message.get("more_body", False):
                    self._body.feed_eof()
            await self._protocol.readable()
