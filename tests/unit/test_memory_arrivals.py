"""Messages that arrive during a turn in memory, and turns that are cancelled, left or followed: as in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from answerback.agents import Agent, Turn
from answerback.agents.memory import MemoryThread
from answerback.events import Arrival
from answerback.testing import MovableClock


def _thread(think: Any, **more: Any) -> MemoryThread:
    return MemoryThread(Agent("shop", think), **{"attempts": 3, **more})


class Slow:
    """An agent that waits until it is let go. It tells which messages it answers."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.turns: list[list[str]] = []

    async def __call__(self, turn: Turn) -> AsyncIterator[str]:
        self.turns.append([event.text for event in turn.events])
        yield "thinking "
        await self.go.wait()
        yield "+".join(event.text for event in turn.events)


async def _at_once(arrival: Arrival) -> tuple[MemoryThread, list[str], list[list[str]]]:
    """Send a message, two more while the agent works, and let it go."""
    slow = Slow()
    thread = MemoryThread(Agent("slow", as_generator(slow), arrival=arrival, quiet=0.01))
    replies = [asyncio.create_task(thread.say("a"))]
    while not slow.turns:
        await asyncio.sleep(0.001)
    replies += [asyncio.create_task(thread.say(text)) for text in "bc"]
    await asyncio.sleep(0)
    slow.go.set()
    return thread, await asyncio.gather(*replies), slow.turns


def as_generator(slow: Slow) -> Any:
    async def think(turn: Turn) -> AsyncIterator[str]:
        async for piece in slow(turn):
            yield piece

    return think


async def test_messages_that_arrive_meanwhile_are_handled_as_declared() -> None:
    _, replies, _ = await _at_once("queue")
    assert replies == ["thinking a", "thinking b", "thinking c"]
    for arrival in ("merge", "debounce"):
        _, replies, _ = await _at_once(arrival)
        assert replies == ["thinking a", "thinking b+c", "thinking b+c"]
    thread, replies, turns = await _at_once("drop")
    assert (replies, turns) == (["thinking a", "", ""], [["a"]])
    assert [message.status for message in thread.history if message.role == "user"] == ["", "dropped", "dropped"]
    thread, replies, turns = await _at_once("interrupt")
    assert turns[-1] == ["a", "b", "c"]
    assert [turn_end.status for turn_end in thread.turn_ends][-1] == "completed"
    assert replies[1:] == ["thinking a+b+c"] * 2


async def test_a_cancelled_turn_keeps_what_it_has_said() -> None:
    slow = Slow()
    thread = MemoryThread(Agent("slow", as_generator(slow)))
    assert not thread.cancel()
    reply = asyncio.create_task(thread.say("a"))
    while not slow.turns:
        await asyncio.sleep(0.001)
    assert thread.cancel()
    assert await reply == "thinking "
    assert (thread.turn_ends[0].status, thread.history[-1].status) == ("cancelled", "cancelled")


async def test_a_cancelled_turn_keeps_the_replies_of_its_earlier_attempts() -> None:
    again = asyncio.Event()

    async def talk(turn: Turn) -> str:
        if turn.attempt > 1:
            again.set()
            await asyncio.sleep(3600)
        await turn.reply("one moment")
        raise ValueError("not this time")

    thread = MemoryThread(Agent("talk", talk), attempts=2)
    with pytest.raises(ValueError, match="not this time"):
        await thread.say("a")
    answering = asyncio.create_task(thread.resume())
    await again.wait()
    assert thread.cancel()
    await answering
    assert [message.text for message in thread.history] == ["a", "one moment"]
    assert (thread.turn_ends[0].status, thread.turn_ends[0].messages) == ("cancelled", (thread.history[1].id,))


async def test_a_caller_that_leaves_hands_the_turn_back() -> None:
    slow = Slow()
    thread = MemoryThread(Agent("slow", as_generator(slow)))
    reply = asyncio.create_task(thread.say("a"))
    while not slow.turns:
        await asyncio.sleep(0.001)
    reply.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reply
    slow.go.set()
    assert await thread.resume() == "thinking a"
    assert thread.turn_ends[0].status == "completed"


async def test_debounce_waits_by_the_threads_clock() -> None:
    async def echo(turn: Turn) -> str:
        return turn.text

    clock = MovableClock()
    begin = clock.now()
    thread = MemoryThread(Agent("echo", echo, arrival="debounce", quiet=30), clock=clock)
    assert await thread.say("a") == "a"
    assert [message.at - begin for message in thread.history] == [0, 30_000]


async def test_stream_events_are_a_workers() -> None:
    slow = Slow()
    slow.go.set()
    thread = MemoryThread(Agent("slow", as_generator(slow)))
    followed: list[str] = []
    end = thread.follow(lambda event: followed.append(event.kind))
    await thread.say("a")
    assert followed == ["turn", "text", "text", "done"] == [event.kind for event in thread.stream]
    end()
    await thread.say("b")
    assert len(followed) == 4
