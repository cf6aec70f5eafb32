"""A thread in memory stores what a worker stores: both run the same turns, and everything kept is compared."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from answerback.agents import Agent, Listen, NoEffect, Turn
from answerback.agents.memory import MemoryThread
from answerback.codec import decode_state
from answerback.errors import TurnFailed
from answerback.events import Amendment, Event
from answerback.messages import Author, Message, ToolCall, TurnEnd, Usage
from answerback.settings import Settings
from answerback.store import keys
from answerback.store.decode import decode_message
from answerback.store.redis import Database
from answerback.store.stream.events import RetryEvent, StreamEvent, TextEvent, UnknownEvent
from answerback.store.stream.stored_events import stored
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import decode_turn_end
from tests.redis.given import claim_all, lapse
from worker.wiring import wire

pytestmark = pytest.mark.one_server

CHAT, ISSUE = "chat:default:c1", "github:1:2"


class Kept(NamedTuple):
    """What is kept of a thread. Times are left out: two runs differ in them."""

    history: list[Message]
    turn_ends: list[TurnEnd]
    state: dict[str, Any]
    agent: str
    texts: dict[str, str]
    stream: list[StreamEvent | UnknownEvent]
    dead_letters: list[tuple[str, str, tuple[str, ...]]]


def _event(number: int, text: str, thread: str, **more: Any) -> Event:
    platform = thread.partition(":")[0]
    return Event(delivery=f"{platform}:{number}", thread=thread, kind="message", text=text, author=Author("u1"),
                 message=str(number), channel="acme/widgets", at=number, **more)  # fmt: skip


async def chatty(turn: Turn) -> str:
    """Reply, run steps, keep state, use tools."""
    await turn.reply(f"Let me see, after {len(turn.history)} messages.")
    turn.remark("(thinking)")
    found = await turn.step("find", _found, turn.text, idempotent=True)
    turn.tools.append(ToolCall(id="t1", name="find", args={"text": turn.text}, result=found))
    turn.stream.tool_call("t1", "find", {"text": turn.text})
    turn.stream.tool_result("t1", "find", found, "done")
    turn.usage = Usage(input_tokens=3, output_tokens=4, requests=1)
    turn.state["turns"] = turn.state.get("turns", 0) + 1
    return f"Found {found}."


async def _found(text: str) -> str:
    return text.upper()


def stumbling() -> Agent:
    """Fail the first attempt of each turn, before and after a step."""

    async def stumble(turn: Turn) -> str:
        if turn.attempt == 1 and "early" in turn.text:
            raise NoEffect("not yet")
        found = await turn.step("find", _found, turn.text)
        if turn.attempt == 1:
            raise ConnectionError("lost it")
        return f"{found} in attempt {turn.attempt}, with {len(turn.events)} events"

    return Agent("a", stumble, arrival="merge", listen=Listen(when=("every",)))


async def hopeless(turn: Turn) -> str:
    """Fail for good, if that is in the text."""
    await turn.step("once", _found, turn.text)
    if "bad" in turn.text:
        raise TurnFailed("it never works")
    return f"{len(turn.history)} before"


async def unfinished(turn: Turn) -> str:
    """Leave a step without a result."""
    return await turn.step("break", _broken)


async def _broken() -> str:
    raise ConnectionError("gone")


async def silent(turn: Turn) -> None:
    """Say nothing."""


def _listening(name: str, think: Any, when: Any) -> Agent:
    return Agent(name, think, listen=Listen("github", when=(when,)))


def _edit(number: int, text: str | None, *, at: int = 0, adds: bool = False) -> Amendment:
    """Edit or delete a message of the issue; `adds`: it mentions us for the first time."""
    delivery = f"github:edit-{number}-{text}"
    edited = _event(number, text or "", ISSUE, mentions=("a",), mentioned=True, edited="mention")
    return Amendment(
        delivery=delivery, thread=ISSUE, message=str(number), text=text, mentioned=True, mentions=("a",) * adds, at=at,
        event=msgspec.structs.replace(edited, delivery=delivery) if adds else None,
    )  # fmt: skip


SCENES: dict[str, tuple[Callable[[], list[Agent]], list[Event | Amendment]]] = {
    "replies, steps, state": (
        lambda: [Agent("a", chatty)],
        [_event(n, f"message {n}", CHAT, agent="a", direct=True) for n in range(3)],
    ),
    "attempts": (
        lambda: [stumbling()],
        [_event(1, "early", CHAT, agent="a"), _event(2, "late", CHAT, agent="a"), _event(3, "early", ISSUE)],
    ),
    "failed for good": (
        lambda: [Agent("a", hopeless)],
        [_event(n, text, CHAT, agent="a") for n, text in enumerate(["good", "bad", "good", "bad"])],
    ),
    "unknown outcome": (lambda: [Agent("a", unfinished)], [_event(1, "x", CHAT, agent="a")]),
    "silence": (lambda: [Agent("a", silent)], [_event(1, "x", CHAT, agent="a")]),
    "routing": (
        lambda: [_listening("a", chatty, "mention"), _listening("b", hopeless, "direct")],
        [_event(1, "overheard", ISSUE), _event(2, "b?", ISSUE, direct=True), _event(3, "a?", ISSUE, mentioned=True)],
    ),
    "context of the sender": (
        lambda: [Agent("a", chatty)],
        [_event(1, "x", CHAT, agent="a"),
         _event(2, "y", CHAT, agent="a", context=(Message(role="user", text="earlier"),), system="Be brief.")],
    ),
    "edits and deletions in any order": (
        lambda: [_listening("a", chatty, "mention")],
        [
            _edit(1, "@a, the last words", at=3), _edit(1, "older words", at=2), _edit(2, None),
            _event(1, "the first words", ISSUE, mentioned=True), _event(2, "never mind", ISSUE, mentioned=True),
            _event(3, "overheard", ISSUE), _edit(3, "overheard, again", at=5), _edit(3, "@a?", at=4, adds=True),
            _edit(3, "@a, and that?", at=6, adds=True), _edit(2, "too late"),
        ],
    ),
}  # fmt: skip


def _kept(
    history: list[Message],
    turn_ends: list[TurnEnd],
    state: dict[str, Any],
    agent: str,
    stream: list[StreamEvent | UnknownEvent],
    letters: list[tuple[str, str, tuple[str, ...]]],
) -> Kept:
    texts: dict[str, str] = {}
    others: list[StreamEvent | UnknownEvent] = []
    for event in stream:
        if isinstance(event, TextEvent):
            # A worker writes in batches.
            texts[event.message] = texts.get(event.message, "")[: event.at] + event.text
        elif isinstance(event, RetryEvent):
            others.append(msgspec.structs.replace(event, seconds=0))
        else:
            others.append(event)
    return Kept(
        [msgspec.structs.replace(message, at=0) for message in history],
        [msgspec.structs.replace(end, at=0) for end in turn_ends],
        state, agent, texts, others, letters,
    )  # fmt: skip


async def _by_a_worker(
    database: Database, threads: Threads, agents: list[Agent], events: list[Event | Amendment]
) -> dict[str, Kept]:
    settings = Settings.load({"TURN_MAX_ATTEMPTS": "3", "LOOP_TURNS": "0"})
    turns = wire(settings, agents, database).turns
    for event in events:
        await (threads.amend(event) if isinstance(event, Amendment) else threads.accept(event))
        while claims := await claim_all(threads, owner="w"):
            for claim in claims:
                await turns.run(claim)
            await lapse(threads, thread=event.thread)
    kept = {}
    for thread in {event.thread for event in events}:
        p = threads.partitions.current.of(thread)
        history = await database.call("LRANGE", keys.history(p, thread), 0, -1)
        turn_ends = await database.call("LRANGE", keys.turn_ends(p, thread), 0, -1)
        state, agent = await database.call("HMGET", keys.thread(p, thread), "state", "agent")
        letters = DeadLetters(threads).list()
        kept[thread] = _kept(
            [decode_message(each) for each in history],
            [decode_turn_end(each) for each in turn_ends],
            decode_state(state) if state else {},
            (agent or b"").decode(),
            [entry.event for entry in await stored(threads, thread, "0") or ()],
            sorted([(each.id, each.reason, each.unknown) async for each in letters if each.thread == thread]),
        )
    return kept


async def _in_memory(agents: list[Agent], events: list[Event | Amendment]) -> dict[str, Kept]:
    threads = {event.thread: MemoryThread(agents, id=event.thread, attempts=3) for event in events}
    for event in events:
        thread = threads[event.thread]
        with contextlib.suppress(Exception):
            await (thread.amend(event) if isinstance(event, Amendment) else thread.send(event))
        while thread.waiting:
            with contextlib.suppress(Exception):
                await thread.resume()
    return {
        id: _kept(
            thread.history, thread.turn_ends, thread.state, thread.agent,
            # Nobody follows the issue: a worker writes no stream events for it.
            thread.stream if id == CHAT else [],
            sorted((each.id, each.reason, each.unknown) for each in thread.dead_letters),
        )
        for id, thread in threads.items()
    }  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
async def test_both_keep_the_same(scene: str, database: Database, threads: Threads) -> None:
    agents, events = SCENES[scene]
    by_a_worker = await _by_a_worker(database, threads, agents(), events)
    assert any(kept.history for kept in by_a_worker.values())
    assert await _in_memory(agents(), events) == by_a_worker


async def test_a_turn_of_a_worker_is_freed_without_the_garbage_collector(database: Database, threads: Threads) -> None:
    turns: list[weakref.ref[Turn]] = []

    async def watched(turn: Turn) -> str:
        turns.append(weakref.ref(turn))
        return await chatty(turn)

    gc.disable()
    try:
        events: list[Event | Amendment] = [
            _event(n, "x", thread, agent="a") for thread in (CHAT, ISSUE) for n in range(2)
        ]
        await _by_a_worker(database, threads, [Agent("a", watched)], events)
        # The collector stops every turn of its process.
        assert [turn() for turn in turns] == [None] * 4
    finally:
        gc.enable()
