"""What the mounts rely on in aiohttp, and how a request and its response pass: see `ingress/asgi/connection.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from ingress.api.context import root_path
from ingress.asgi.connection import BUFFER, respond
from ingress.asgi.exchange import Exchange, ResponseIncomplete
from ingress.asgi.types import Message


class Client:
    """An ASGI server with one request. `received` are the messages that the application has taken."""

    def __init__(self, *body: bytes, **scope: Any) -> None:
        self.scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/x",
            "query_string": b"",
            "headers": [],
            **scope,
        }
        self._body = list(body or (b"",))
        self.received = 0
        self.sent: list[Message] = []
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        if not self._body:
            await self.left.wait()
            return {"type": "http.disconnect"}
        self.received += 1
        chunk = self._body.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self._body)}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers of the response."""
        start = self.sent[0]
        assert start["type"] == "http.response.start"
        return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}

    @property
    def body(self) -> bytes:
        """The body of the response."""
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def complete(self) -> bool:
        """Whether the response has ended."""
        return bool(self.sent) and self.sent[-1].get("more_body") is False


Handler = Callable[[web.Request], Any]
Serve = Callable[..., Any]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Handle one client's request as an aiohttp application does."""
    runners: list[web.AppRunner] = []

    async def run(client: Client, handler: Handler, *, path: str = "/x", root: str = "", prefix: str = "") -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handler)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        server = runners[-1].server
        assert server is not None
        exchange = Exchange(client.scope, client.receive, client.send, root=root, prefix=prefix)
        async with asyncio.timeout(30):
            await exchange.run(exchange.request(server, path), lambda request: respond(server, request))

    yield run
    for runner in runners:
        await runner.cleanup()


async def test_a_handler_sees_the_request_of_the_scope(serve: Serve) -> None:
    client = Client(
        b'{"a":',
        b"1}",
        scheme="https",
        client=("10.1.2.3", 5000),
        query_string=b"q=%C3%A4&r=a+b",
        headers=[(b"host", b"shop.test"), (b"x-a", b"1"), (b"x-a", b"2"), (b"expect", b"100-continue")],
    )

    async def handler(request: web.Request) -> web.Response:
        seen = {
            "method": request.method,
            "url": str(request.url),
            "raw": request.rel_url.raw_path,
            "remote": request.remote,
            "a": request.headers.getall("X-A"),
            "q": dict(request.query),
            "body": await request.json(),
            "root": root_path(request),
        }
        return web.json_response(seen, status=201)

    await serve(client, handler, path="/a%2Fb/c", root="/in")
    status, headers = client.head
    assert (status, headers["content-type"]) == (201, "application/json; charset=utf-8")
    assert client.body == (
        b'{"method": "POST", "url": "https://shop.test/a%2Fb/c?q=%C3%A4&r=a+b", "raw": "/a%2Fb/c", '
        b'"remote": "10.1.2.3", "a": ["1", "2"], "q": {"q": "\\u00e4", "r": "a b"}, "body": {"a": 1}, "root": "/in"}'
    )
    assert client.complete


async def test_the_server_writes_its_own_headers_and_locations_are_below_the_mount(serve: Serve) -> None:
    client = Client(method="GET")

    async def handler(request: web.Request) -> web.Response:
        return web.Response(headers={"Location": "/dialog/kyc/turn", "Set-Cookie": "a=b"})

    await serve(client, handler, root="/my", prefix="/dialog/kyc")
    assert client.head == (
        200,
        {
            "location": "/my/turn",
            "set-cookie": "a=b",
            "content-length": "0",
        },
    )


@pytest.mark.parametrize(("method", "status", "length"), [("HEAD", 200, "5"), ("GET", 204, None)])
async def test_a_response_without_a_body_has_none(serve: Serve, method: str, status: int, length: str | None) -> None:
    client = Client(method=method)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"12345", status=status)

    await serve(client, handler)
    assert (client.head[0], client.head[1].get("content-length"), client.body, client.complete) == (
        status, length, b"", True,
    )  # fmt: skip


async def test_a_stream_is_sent_as_it_is_written(serve: Serve) -> None:
    client, written = Client(http_version="2"), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        assert client.body == b"one"
        written.set()
        await response.write(b"two")
        return response

    await serve(client, handler)
    assert (written.is_set(), client.body, client.complete) == (True, b"onetwo", True)
    assert "transfer-encoding" not in client.head[1]


async def test_a_body_that_is_not_read_waits_at_the_server(serve: Serve) -> None:
    client = Client(*[bytes(BUFFER)] * 20)
    kept: list[int] = []

    async def handler(request: web.Request) -> web.Response:
        while client.received < 3:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        kept.append(client.received)
        return web.Response(text=str(len(await request.content.read())))

    await serve(client, handler)
    assert kept == [3], "twice the buffer, and what exceeds it"
    assert client.body == str(20 * BUFFER).encode()


async def test_a_client_that_leaves_ends_body_and_stream(serve: Serve) -> None:
    client = Client()
    errors: list[str] = []

    async def reads(request: web.Request) -> web.Response:
        client.left.set()
        try:
            await request.read()
        except web.RequestPayloadError as error:
            errors.append(str(error))
        assert request.transport is not None
        assert request.transport.is_closing()
        return web.Response()

    client.receive = _halves(client)  # type: ignore[method-assign]
    await serve(client, reads)
    assert (errors, client.sent) == (["the client disconnected"], [])

    client = Client()

    async def streams(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        client.left.set()
        while True:
            await response.write(b"more")
            await asyncio.sleep(0)

    await serve(client, streams)
    assert not client.complete


def _halves(client: Client) -> Callable[[], Any]:
    messages: list[Message] = [{"type": "http.request", "body": b"half", "more_body": True}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await client.left.wait()
        return {"type": "http.disconnect"}

    return receive


async def test_an_error_is_a_problem_before_the_response_and_breaks_it_off_later(serve: Serve) -> None:
    client = Client()

    async def fails(request: web.Request) -> web.Response:
        raise LookupError("secret")

    await serve(client, fails)
    assert (client.head[0], client.head[1]["content-type"]) == (503, "application/problem+json; charset=utf-8")
    assert b"secret" not in client.body

    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        raise LookupError("in the middle")

    async def cuts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    for handler in (breaks, cuts):
        client = Client()
        with pytest.raises(ResponseIncomplete):
            await serve(client, handler)
        assert (client.body, client.complete) == (b"half", False)
