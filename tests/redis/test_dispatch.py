"""`dispatch` over Redis, on a real server: what is stored, once, and what is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import AsyncMock

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from answerback.codec import encode
from answerback.dispatching import Dispatcher, DispatchReceipt
from answerback.errors import Busy, DispatchError, InvalidInput, StoreUnavailable, ThreadEnded, UnknownAgent
from answerback.store import keys as store_keys
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chat_ids import thread_of
from answerback.store.chats.chats import Chats
from answerback.store.decode import decode_entry
from answerback.store.fleet import keys
from answerback.store.fleet.workers import AgentReport
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server

pytestmark = pytest.mark.one_server

SCHEMA = b'{"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}'
AGENTS = (
    AgentReport("triage"),
    AgentReport("orders", input_schema=SCHEMA),
    AgentReport("quiet", chat=False),
    AgentReport("busy", arrival="drop"),
)


@pytest.fixture
async def dispatcher(server: Server, database: Database) -> AsyncIterator[Dispatcher]:
    """A dispatcher to a server on which some agents are known."""
    now = await database.now()
    for agent in AGENTS:
        await database.call("HSET", keys.agents(), agent.name, encode(msgspec.structs.replace(agent, seen=now)))
    async with Dispatcher(redis_url=server.url) as dispatcher:
        yield dispatcher


async def test_an_event_is_stored_once_per_delivery_in_the_thread_of_its_id(
    dispatcher: Dispatcher, threads: Threads
) -> None:
    data = {"type": "chat.message", "text": "It is late", "sender": "ada"}
    first = await dispatcher.dispatch("triage", id="order:17", input=data, delivery="e1")
    again = await dispatcher.dispatch("triage", id="order:17", session="order:17", input=data, delivery="e1")
    await dispatcher.dispatch("triage", id="order:17", input="And now?", delivery="e2")
    assert (first.status, again.status) == ("accepted", "duplicate")
    assert (first.dispatch_id, first.thread) == (again.dispatch_id, again.thread)
    page = await Chats(threads).messages("default", first.thread)
    [one, two] = page.waiting
    assert (one.id, one.text, one.agent, one.author.id) == (first.dispatch_id, "It is late", "triage", "ada")
    assert (one.input, two.input) == (data, "And now?")


@pytest.mark.parametrize("id", ["order:18", ""])
async def test_a_dispatch_that_died_before_its_event_was_stored_is_completed_by_the_next(
    dispatcher: Dispatcher, threads: Threads, monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    async def dispatched() -> DispatchReceipt:
        return await dispatcher.dispatch("triage", id=id, input="It is late", delivery="e1")

    with monkeypatch.context() as patch:
        patch.setattr(Chats, "say", AsyncMock(side_effect=StoreUnavailable))
        with pytest.raises(StoreUnavailable):
            await dispatched()
    [opened] = (await Chats(threads).list("default")).chats
    assert (await Chats(threads).messages("default", opened.id)).waiting == []
    first, again = await dispatched(), await dispatched()
    assert (first.status, again.status, again.dispatch_id) == ("accepted", "duplicate", first.dispatch_id)
    [chat] = (await Chats(threads).list("default")).chats
    assert first.thread == again.thread == opened.id == chat.id
    [event] = (await Chats(threads).messages("default", chat.id)).waiting
    assert (event.id, event.text) == (first.dispatch_id, "It is late")


async def test_each_session_agent_and_workspace_has_its_own_thread(dispatcher: Dispatcher, server: Server) -> None:
    seen = {
        (await dispatcher.dispatch(agent, id=id, session=session, input="x")).thread
        for agent, id, session in (
            ("triage", "a", ""), ("triage", "b", ""), ("triage", "a", "s"), ("busy", "a", ""), ("triage", "", ""),
            ("triage", "", ""),
        )
    }  # fmt: skip
    assert len(seen) == 6
    async with Dispatcher(redis_url=server.url, workspace="acme") as other:
        receipt = await other.dispatch("triage", id="a", input="x")
    assert receipt.status == "accepted"


async def test_an_open_chat_is_addressed_by_its_id(dispatcher: Dispatcher, threads: Threads) -> None:
    chat = await Chats(threads).open("default", "", NewChat(agent="triage"))
    assert (await dispatcher.dispatch("triage", id=chat.id, input="x")).thread == chat.id
    await Chats(threads).end("default", chat.id)
    with pytest.raises(ThreadEnded):
        await dispatcher.dispatch("triage", id=chat.id, input="x")


async def test_refusals_say_what_to_do_and_store_nothing(dispatcher: Dispatcher, threads: Threads) -> None:
    with pytest.raises(UnknownAgent, match=r'"tirage" \(known: busy, orders, triage\)\. Did you mean "triage"\?'):
        await dispatcher.dispatch("tirage", input="x")
    with pytest.raises(DispatchError, match="chat=False"):
        await dispatcher.dispatch("quiet", input="x")
    with pytest.raises(InvalidInput, match="'order' is a required property"):
        await dispatcher.dispatch("orders", input={})
    with pytest.raises(InvalidInput, match="id has more than 256 characters"):
        await dispatcher.dispatch("triage", id="x" * 300, input="x")
    assert not (await Chats(threads).list("default")).chats
    await dispatcher.dispatch("busy", id="a", input="x")
    with pytest.raises(Busy):
        await dispatcher.dispatch("busy", id="a", input="y")
    with pytest.raises(TimeoutError):
        await (await dispatcher.dispatch("orders", input={"order": 1})).reply(timeout=0.01)


async def test_it_says_that_redis_is_away() -> None:
    async with Dispatcher(redis_url="redis://127.0.0.1:1") as dispatcher:
        with pytest.raises(StoreUnavailable, match="Redis is unavailable"):
            await dispatcher.dispatch("triage", input="x")


def test_a_script_ends_by_itself_and_a_fork_connects_anew(server: Server, dispatcher: Dispatcher) -> None:
    script = """
import os, sys
from answerback import dispatch_sync
first = dispatch_sync("triage", id="script", input="from the parent")
child = os.fork()
second = dispatch_sync("triage", id="script", input="from both")
if child:
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    third = dispatch_sync("triage", id="script", input="from the parent again")
    assert first.thread == second.thread == third.thread
    print(",".join({"answerback.agents", "arq", "aiohttp"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "REDIS_URL": server.url}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


async def test_threads_and_event_loops_share_one_dispatcher(dispatcher: Dispatcher, threads: Threads) -> None:
    def in_a_loop(number: int) -> str:
        return asyncio.run(dispatcher.dispatch("triage", id="a", input=str(number))).thread

    def without_a_loop(number: int) -> str:
        return dispatcher.dispatch_sync("triage", id="a", input=str(number)).thread

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(run, number) for number in range(10) for run in (in_a_loop, without_a_loop)]
        [thread] = {await asyncio.wrap_future(call) for call in calls}
    page = await Chats(threads).messages("default", thread)
    assert sorted(event.text for event in page.waiting) == sorted(str(number) for number in range(10) for _ in "12")


async def test_an_event_is_part_of_the_trace_of_its_caller(dispatcher: Dispatcher, threads: Threads) -> None:
    context = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, False, TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        receipt = await dispatcher.dispatch("triage", input="traced")
        other = await asyncio.to_thread(dispatcher.dispatch_sync, "triage", input="traced, too")
    without = await dispatcher.dispatch("triage", input="not traced")
    stored = []
    for each in (receipt, other, without):
        [raw] = await threads.database.call("LRANGE", store_keys.inbox(0, thread_of("default", each.thread)), 0, -1)
        stored.append(decode_entry(raw).trace)
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert stored == [traceparent, traceparent, ""]
