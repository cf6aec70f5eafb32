"""Dialogs as a library: in memory, streamed, saved, by the id of a session."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from answerback import Agent, Dialog, SessionWorker, Turn
from answerback.dialogs import MemorySessions, NullSessions
from answerback.errors import (
    ConfigurationError,
    FlowError,
    NewerData,
    SessionBusy,
    SessionLost,
    TimeExceeded,
    TooManySessions,
)

ROOT = Path(__file__).parents[2]
KYC = ROOT / "examples/kyc/kyc.json"


async def count(turn: Turn) -> str:
    """Count the turns, in the state and in the history. "fail" fails."""
    turn.state["number"] = turn.state.get("number", 0) + 1
    if turn.text == "fail":
        raise LookupError("on purpose")
    before = sum(message.role == "user" for message in turn.history)
    return f"{turn.state['number']} {before}"


COUNT = Agent("count", count)


async def test_a_flow_is_run_with_no_server_at_all() -> None:
    dialog = Dialog(flow=str(KYC))
    first = await dialog.turn("hello")
    assert first
    second = await dialog.turn("yes")
    assert second not in ("", first)
    assert [message.role for message in dialog.history] == ["user", "assistant"] * 2
    await dialog.reset()
    assert (dialog.history, await dialog.turn("hello")) == ([], first)


async def test_the_example_of_the_documentation_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    example = re.search(r"```python\n(.*?)```", (ROOT / "docs/dialogs.md").read_text(), re.DOTALL)
    assert example
    await eval(compile(example[1], "docs/dialogs.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), {})
    assert capsys.readouterr().out.startswith("Welcome to Northwind Bank.")


async def test_a_turn_that_fails_or_is_cancelled_changes_nothing() -> None:
    dialog = Dialog(COUNT)
    assert await dialog.turn("a") == "1 0"
    with pytest.raises(LookupError, match="on purpose"):
        await dialog.turn("fail")
    assert await dialog.turn("b") == "2 1"

    async def waits(turn: Turn) -> str:
        if turn.text == "wait":
            await asyncio.Event().wait()
        return await count(turn)

    dialog = Dialog(Agent("waits", waits, timeout=0.05))
    with pytest.raises(TimeExceeded):
        await dialog.turn("wait")
    dialog = Dialog(Agent("waits", waits))
    running = asyncio.create_task(dialog.turn("wait"))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await dialog.turn("a") == "1 0"


async def test_turns_run_one_after_the_other() -> None:
    dialog = Dialog(COUNT)
    assert await asyncio.gather(*[dialog.turn("x") for _ in range(3)]) == ["1 0", "2 1", "3 2"]


class Writer:
    """An agent that writes in pieces, and stops before the last until `go`."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.cancelled = False

    async def __call__(self, turn: Turn) -> AsyncIterator[str]:
        await turn.reply("One moment.")
        yield "so "
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        yield "far"


def writes(writer: Writer) -> Agent:
    """Return the agent."""

    async def write(turn: Turn) -> AsyncIterator[str]:
        async for piece in writer(turn):
            yield piece

    return Agent("writer", write)


async def test_a_reply_is_streamed_as_it_is_written() -> None:
    writer = Writer()
    dialog = Dialog(writes(writer))
    pieces: list[str] = []
    async for piece in dialog.stream("go"):
        pieces.append(piece)
        if "".join(pieces).endswith("so "):
            assert not dialog.history
            writer.go.set()
    assert "".join(pieces) == "One moment.\n\nso far"
    assert [message.text for message in dialog.history] == ["go", "One moment.", "so far"]
    # One that is returned at once is one piece.
    assert [piece async for piece in Dialog(COUNT).stream("x")] == ["1 0"]
    with pytest.raises(LookupError):
        [piece async for piece in Dialog(COUNT).stream("fail")]


async def test_closing_a_stream_cancels_its_turn() -> None:
    writer = Writer()
    dialog = Dialog(writes(writer))
    stream = dialog.stream("go")
    while not (await anext(stream)).endswith("so "):
        pass
    await stream.aclose()
    assert (writer.cancelled, dialog.history) == (True, [])
    writer.go.set()
    assert await dialog.turn("again") == "One moment.\n\nso far"


async def test_a_saved_dialog_goes_on_and_keeps_as_much_as_its_agent_is_given() -> None:
    first = Dialog(Agent("count", count, messages=3))
    for _ in range(3):
        await first.turn("x")
    second = Dialog(Agent("count", count, messages=3), saved=first.save())
    assert len(second.history) == 3
    assert await second.turn("x") == "4 1"
    assert Dialog(COUNT, saved=Dialog(COUNT).save()).history == []
    with pytest.raises(NewerData, match="a saved dialog cannot be read"):
        Dialog(COUNT, saved=b"\xc1")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "name what answers"),
        ({"agent": COUNT, "flow": "x.json"}, "give them to Agent"),
        ({"flow": "no.json"}, "no.json"),
    ],
)
def test_what_cannot_answer_is_refused(arguments: dict[str, Any], match: str) -> None:
    for kind in (Dialog, SessionWorker):
        with pytest.raises(ConfigurationError, match=match):
            kind(**arguments)


def test_the_mistakes_of_a_flow_are_named_before_the_first_message() -> None:
    with pytest.raises(FlowError, match="initial_node"):
        Dialog(flow={"nodes": []})


async def test_sessions_are_kept_by_their_ids_and_reset() -> None:
    async with SessionWorker(COUNT) as worker:
        for id, expected in (("a", "1 0"), ("b", "1 0"), ("a", "2 1")):
            async with worker.acquire(id) as session:
                assert (session.id, await session.turn("x")) == (id, expected)
        async with worker.acquire("a") as session:
            with pytest.raises(LookupError):
                await session.turn("fail")
            assert [piece async for piece in session.stream("x")] == ["3 2"]
            await session.reset()
            assert await session.turn("x") == "1 0"
        with pytest.raises(SessionLost, match="it was released"):
            await session.turn("x")


async def test_the_holders_of_a_session_wait_for_each_other_and_others_do_not() -> None:
    worker, order = SessionWorker(COUNT), []

    async def hold(id: str, name: str) -> None:
        async with worker.acquire(id):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(hold("a", "one"), hold("a", "two"))
    assert order == ["one begins", "one ends", "two begins", "two ends"]
    order.clear()
    await asyncio.gather(hold("a", "one"), hold("b", "two"))
    assert order[:2] == ["one begins", "two begins"]
    async with worker.acquire("a"):
        with pytest.raises(SessionBusy, match=r"in use elsewhere for 0[.]01 s"):
            async with worker.acquire("a", wait=0.01):
                pass
    async with worker.acquire("a", wait=0):
        pass


async def test_too_many_sessions_are_refused() -> None:
    worker = SessionWorker(COUNT, max_sessions=2)
    async with worker.acquire("a"), worker.acquire("b"):
        with pytest.raises(TooManySessions, match="2 sessions are in use here"):
            async with worker.acquire("c"):
                pass
    assert worker.acquired == 0
    async with worker.acquire("c"):
        pass
    with pytest.raises(ConfigurationError):
        SessionWorker(COUNT, max_sessions=0)


async def test_sessions_in_memory_expire_and_the_longest_unused_is_evicted() -> None:
    now = [0.0]
    store = MemorySessions(idle=10, most=2, clock=lambda: now[0])
    worker = SessionWorker(COUNT, store=store)

    async def turn(id: str) -> str:
        async with worker.acquire(id) as session:
            return await session.turn("x")

    assert [await turn(id) for id in ("a", "b", "a", "c", "a", "b")] == ["1 0", "1 0", "2 1", "1 0", "3 2", "1 0"]
    assert len(store) == 2
    now[0] = 11
    assert await turn("a") == "1 0"
    assert len(store) == 1
    async with worker.acquire("a") as session:
        await session.turn("x")
        now[0] = 30
        assert (len(store), await turn("b")) == (1, "1 0"), "one that is held does not expire"
    assert await turn("a") == "3 2"


async def test_a_store_that_keeps_nothing_begins_anew() -> None:
    worker = SessionWorker(COUNT, store=NullSessions())
    for _ in range(2):
        async with worker.acquire("a") as session:
            assert [await session.turn("x"), await session.turn("x")] == ["1 0", "2 1"]
