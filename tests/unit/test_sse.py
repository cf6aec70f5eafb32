"""Streams as they leave the process, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer, make_mocked_request

from answerback.store.stream.followers import Forgotten
from answerback.store.stream.stored_events import StoredEvent, stream_event
from ingress.api.conversations.text_stream import TextStream
from ingress.api.conversations.turn_filter import RecordedEvents
from ingress.api.openai.answer import Chunk
from ingress.api.openai.chunks import Chunks
from ingress.api.sse import Streams, wanted


class Endless:
    """Deltas that never end; how many were taken."""

    def __init__(self, size: int) -> None:
        self.taken = 0
        self._data = b'"%b"' % (b"x" * size)

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> StoredEvent:
        self.taken += 1
        await asyncio.sleep(0)
        return StoredEvent(f"{self.taken}-0", "text", self._data)


class Silent:
    """Deltas that do not come, and then one that cannot be had any more."""

    def __init__(self) -> None:
        self.forgotten = asyncio.Event()

    def __aiter__(self) -> Silent:
        return self

    async def __anext__(self) -> StoredEvent:
        await self.forgotten.wait()
        raise Forgotten("too old")


@asynccontextmanager
async def serving(
    deltas: Callable[[], AsyncIterator[StoredEvent]], ended: asyncio.Event
) -> AsyncIterator[BaseTestServer]:
    """A server whose one route streams."""
    streams = Streams(0.02)

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await streams.send(request, deltas(), first=b"event: first\ndata: {}\n\n")
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app) as server:
        yield server


async def test_events_have_their_ids_and_end_with_the_deltas() -> None:
    deltas = RecordedEvents([StoredEvent("1-0", "text", b'{"a":1}'), StoredEvent("", "done", b"{}")])
    async with (
        serving(lambda: deltas, asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        assert answer.content_type == "text/event-stream"
        assert await answer.read() == (
            b'retry: 1000\n\nevent: first\ndata: {}\n\nid: 1-0\nevent: text\ndata: {"a":1}\n\nevent: done\ndata: {}\n\n'
        )


async def test_an_event_is_one_line_to_every_reader() -> None:
    text = "a\u2028b\u2029c\x85d\u00e9"
    deltas = RecordedEvents([StoredEvent("1-0", "text", msgspec.json.encode({"text": text}))])
    async with (
        serving(lambda: deltas, asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-cache, no-transform"
        said = (await answer.read()).decode()
    (data,) = [line.removeprefix("data: ") for line in said.splitlines() if line.startswith('data: {"text')]
    assert msgspec.json.decode(data) == {"text": text}
    blank = Chunk(id="1", created=0, model="m")
    words = TextStream(RecordedEvents([StoredEvent("1-0", *stream_event("text", "t", message="m", at=0, text=text))]))
    chunks = Chunks(words, blank, usage=False)
    await anext(chunks)
    assert len((await anext(chunks)).decode().splitlines()) == 2


async def test_a_silent_stream_says_that_it_lives_and_what_is_lost_is_told() -> None:
    silent = Silent()
    async with (
        serving(lambda: silent, asyncio.Event()) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        while await answer.content.readline() != b": still here\n":
            pass
        silent.forgotten.set()
        assert (await answer.read()).endswith(b'event: forgotten\ndata: {"reason":"too old"}\n\n')


async def test_a_reader_that_takes_nothing_is_cut_off_and_nothing_is_kept_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingress.api.sse.STALLED", 0.2)
    endless, ended = Endless(10_000), asyncio.Event()
    async with serving(lambda: endless, ended) as server:
        _, writer = await asyncio.open_connection(server.host, server.port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(30):
            await ended.wait()
        # What it got lies in the sockets of the system, and a little in ours.
        assert endless.taken < 5_000
        writer.close()


async def test_a_reader_that_leaves_ends_its_stream() -> None:
    endless, ended = Endless(10), asyncio.Event()
    async with serving(lambda: endless, ended) as server, ClientSession() as session:
        async with session.get(server.make_url("/")) as answer:
            await answer.content.readline()
        async with asyncio.timeout(30):
            await ended.wait()


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("text/event-stream", True), ("application/json, Text/Event-Stream;q=0.9", True), ("*/*", False), ("", False)],
)
async def test_a_stream_may_be_asked_for_by_its_type(accept: str, expected: bool) -> None:
    assert wanted(make_mocked_request("GET", "/", headers={"Accept": accept})) is expected
