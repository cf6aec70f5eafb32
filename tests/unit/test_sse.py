"""Streams as they leave the process, on a real socket."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

import msgspec
import pytest
from aiohttp import ClientError, ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer, make_mocked_request

from answerback.errors import StoreUnavailable
from answerback.store.stream.events import TextEvent, encode_event
from answerback.store.stream.followers import Forgotten
from answerback.store.stream.stored_events import StoredEvent
from ingress.api.conversations.text_stream import TextStream
from ingress.api.conversations.turn_filter import replayed
from ingress.api.conversations.waits import Wait, Waits, stopping
from ingress.api.openai.answer import Chunk
from ingress.api.openai.chunks import chunks
from ingress.api.sse import Streams, wanted
from ingress.problems import Problem


class Endless:
    """Events that never end: how many were read, and whether they are closed."""

    def __init__(self, size: int) -> None:
        self.read = 0
        self.closed = False
        self._data = b'"%b"' % (b"x" * size)

    async def events(self) -> AsyncGenerator[StoredEvent, None]:
        """Yield them."""
        try:
            while True:
                self.read += 1
                await asyncio.sleep(0)
                yield StoredEvent(f"{self.read}-0", "text", self._data)
        finally:
            self.closed = True


class Silent:
    """No events, until `go`; then one, or a failure. Whether they are closed."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.closed = False
        self._failure = failure

    async def events(self) -> AsyncGenerator[StoredEvent, None]:
        """Yield them."""
        try:
            await self.go.wait()
            if self._failure:
                raise self._failure
            yield StoredEvent("1-0", "text", b"{}")
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Fail if a stream leaves a task, a generator or an exception that nobody has read."""
    before = asyncio.all_tasks()
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    # What earlier tests have left is not looked through again: that would take longer than the test.
    gc.freeze()
    yield
    gc.collect()
    async with asyncio.timeout(30):
        while asyncio.all_tasks() - before - {asyncio.current_task()}:
            await asyncio.sleep(0.01)
    assert complaints == []


@contextmanager
def ended_after(ended: asyncio.Event) -> Iterator[None]:
    """Set an event at the end of the context."""
    try:
        yield
    finally:
        ended.set()


async def nobody(request: web.Request) -> None:
    """Every credential is valid."""


@asynccontextmanager
async def serving(
    events: Callable[[], AsyncGenerator[StoredEvent, None]], ended: asyncio.Event, open_waits: list[Wait] | None = None
) -> AsyncIterator[BaseTestServer]:
    """A server whose one route streams. `open_waits` receives the wait of each request."""
    streams, waits = Streams(0.02), Waits(nobody)

    async def handle(request: web.Request) -> web.StreamResponse:
        with waits.open(request) as wait, ended_after(ended):
            if open_waits is not None:
                open_waits.append(wait)
            return await streams.send(request, events(), first=b"event: first\ndata: {}\n\n")

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app) as server:
        yield server


async def test_events_have_their_ids_and_a_stream_ends_with_them() -> None:
    events = [StoredEvent("1-0", "text", b'{"a":1}'), StoredEvent("", "done", b"{}")]
    async with (
        serving(lambda: replayed(events), asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        assert answer.content_type == "text/event-stream"
        assert await answer.read() == (
            b'retry: 1000\n\nevent: first\ndata: {}\n\nid: 1-0\nevent: text\ndata: {"a":1}\n\nevent: done\ndata: {}\n\n'
        )


async def test_an_event_is_one_line_to_every_reader() -> None:
    text = "a\u2028b\u2029c\x85d\u00e9"
    events = [StoredEvent("1-0", "text", msgspec.json.encode({"text": text}))]
    async with (
        serving(lambda: replayed(events), asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-cache, no-transform"
        lines = (await answer.read()).decode()
    (data,) = [line.removeprefix("data: ") for line in lines.splitlines() if line.startswith('data: {"text')]
    assert msgspec.json.decode(data) == {"text": text}
    blank = Chunk(id="1", created=0, model="m")
    piece = StoredEvent("1-0", *encode_event(TextEvent(turn="t", message="m", at=0, text=text)))
    async with aclosing(chunks(TextStream(replayed([piece])), blank, usage=False)) as pieces:
        await anext(pieces)
        assert len((await anext(pieces)).decode().splitlines()) == 2


async def test_a_silent_stream_says_that_it_lives_and_what_is_lost_is_told() -> None:
    silent = Silent(Forgotten("too old"))
    async with (
        serving(silent.events, asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        while await answer.content.readline() != b": still here\n":
            pass
        silent.go.set()
        assert (await answer.read()).endswith(b'event: forgotten\ndata: {"reason":"too old"}\n\n')
    assert silent.closed


async def test_heartbeats_do_not_interrupt_the_wait_for_an_event() -> None:
    silent = Silent()
    async with (
        serving(silent.events, asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        beats = 0
        while beats < 3:
            beats += await answer.content.readline() == b": still here\n"
        silent.go.set()
        assert (await answer.read()).endswith(b"id: 1-0\nevent: text\ndata: {}\n\n")
    assert silent.closed


async def test_a_stream_that_fails_is_cut_off() -> None:
    silent, ended = Silent(StoreUnavailable("it is gone")), asyncio.Event()
    async with (
        serving(silent.events, ended) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        silent.go.set()
        with pytest.raises(ClientError):
            await answer.read()
        await ended.wait()
    assert silent.closed


@pytest.mark.parametrize(
    ("why", "last"),
    [(stopping(), b"retry: 1000\n\n"), (Problem(401, "revoked"), b"data: {}\n\n")],
    ids=["restart", "revoked"],
)
async def test_a_stream_that_must_end_is_closed(why: Problem, last: bytes) -> None:
    silent, open_waits = Silent(), list[Wait]()
    async with (
        serving(silent.events, asyncio.Event(), open_waits) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        await answer.content.readuntil(b"data: {}\n\n")
        open_waits[0].end(why)
        rest = (await answer.read()).replace(b": still here\n\n", b"")
    assert (b"data: {}\n\n" + rest).endswith(last)
    assert silent.closed


async def test_a_reader_that_takes_nothing_is_cut_off_and_nothing_is_kept_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingress.api.sse.STALLED", 0.2)
    endless, ended = Endless(10_000), asyncio.Event()
    async with serving(endless.events, ended) as server:
        _, writer = await asyncio.open_connection(server.host, server.port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(30):
            await ended.wait()
        # What it got lies in the sockets of the system, and a little in ours.
        assert endless.read < 5_000
        assert endless.closed
        writer.close()


@pytest.mark.parametrize("busy", [True, False])
async def test_a_reader_that_leaves_ends_its_stream(busy: bool) -> None:
    source, ended = Endless(10) if busy else Silent(), asyncio.Event()
    async with serving(source.events, ended) as server, ClientSession() as session:
        async with session.get(server.make_url("/")) as answer:
            await answer.content.readline()
        async with asyncio.timeout(30):
            await ended.wait()
    assert source.closed


async def test_a_handler_that_is_cancelled_closes_its_stream() -> None:
    silent = Silent()
    streams, handlers = Streams(0.02), list[asyncio.Task[object]]()

    async def handle(request: web.Request) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task
        handlers.append(task)
        return await streams.send(request, silent.events())

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app) as server, ClientSession() as session, session.get(server.make_url("/")) as answer:
        await answer.content.readline()
        handlers[0].cancel()
        with pytest.raises(ClientError):
            await answer.read()
    assert silent.closed


async def test_the_headers_alone_read_nothing() -> None:
    endless = Endless(10)
    async with (
        serving(endless.events, asyncio.Event()) as server,
        ClientSession() as session,
        session.head(server.make_url("/")) as answer,
    ):
        assert answer.content_type == "text/event-stream"
    assert endless.read == 0


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("text/event-stream", True), ("application/json, Text/Event-Stream;q=0.9", True), ("*/*", False), ("", False)],
)
async def test_a_stream_may_be_asked_for_by_its_type(accept: str, expected: bool) -> None:
    assert wanted(make_mocked_request("GET", "/", headers={"Accept": accept})) is expected
