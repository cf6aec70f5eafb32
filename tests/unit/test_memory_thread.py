"""A thread in memory has a worker's semantics: steps, attempts, outcomes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic_ai.models.test import TestModel

from answerback.agents import Agent, Listen, NoEffect, OutcomeUnknown, Turn
from answerback.agents.memory import Killed, MemoryThread
from answerback.errors import ConfigurationError, LimitExceeded, TimeExceeded, TurnFailed
from answerback.events import Event
from answerback.messages import Author
from answerback.testing import MovableClock


class Shop:
    """An agent that charges once per order. Its calls are recorded."""

    def __init__(self, *, idempotent: bool = False, error: Exception | None = None) -> None:
        self.charges: list[str] = []
        self.error = error
        self._idempotent = idempotent

    async def charge(self, order: str) -> str:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.charges.append(order)
        return f"paid for {order}"

    async def __call__(self, turn: Turn) -> str:
        await turn.reply("One moment.")
        receipt = await turn.step("charge", self.charge, turn.text, idempotent=self._idempotent)
        turn.state["orders"] = turn.state.get("orders", 0) + 1
        return f"{turn.attempt}: {receipt}"


def _thread(think: Any, **more: Any) -> MemoryThread:
    return MemoryThread(Agent("shop", think), **{"attempts": 3, **more})


async def test_a_turn_is_answered_and_committed() -> None:
    shop = Shop()
    thread = _thread(shop)
    assert await thread.say("tea") == "One moment.\n\n1: paid for tea"
    assert [(message.role, message.text) for message in thread.history] == [
        ("user", "tea"), ("assistant", "One moment."), ("assistant", "1: paid for tea"),
    ]  # fmt: skip
    assert (thread.state, thread.agent, thread.steps) == ({"orders": 1}, "shop", ("charge#1", "reply#1"))
    await thread.say("milk")
    assert (thread.state, thread.replies[-1], len(thread.turn_ends)) == ({"orders": 2}, "1: paid for milk", 2)


async def test_a_killed_step_without_a_result_is_unknown() -> None:
    for when in ("before", "after"):
        shop = Shop()
        async with _thread(shop) as thread:
            thread.kill_at("step:charge", when)
            with pytest.raises(Killed):
                await thread.say("tea")
            assert shop.charges == ([] if when == "before" else ["tea"])
            assert not thread.history
            with pytest.raises(OutcomeUnknown) as unknown:
                await thread.resume()
            assert unknown.value.step == "charge#1"
            assert [letter.unknown for letter in thread.dead_letters] == [("charge#1",)]
            assert [message.failed for message in thread.history] == ["agent_failed"]
            assert shop.charges == ([] if when == "before" else ["tea"])


async def test_a_killed_idempotent_step_runs_again() -> None:
    shop = Shop(idempotent=True)
    async with _thread(shop) as thread:
        thread.kill_at("step:charge#1")
        with pytest.raises(Killed):
            await thread.say("tea")
        assert await thread.resume() == "One moment.\n\n2: paid for tea"
    assert shop.charges == ["tea", "tea"]


async def test_a_finished_step_is_not_run_again() -> None:
    shop = Shop()
    async with _thread(shop) as thread:
        thread.kill_at("commit", "before")
        with pytest.raises(Killed):
            await thread.say("tea")
        assert thread.waiting
        assert await thread.resume() == "One moment.\n\n2: paid for tea"
        thread.kill_at("commit")
        with pytest.raises(Killed):
            await thread.say("milk")
        assert not thread.waiting
        assert await thread.resume() == "One moment.\n\n1: paid for milk"
    assert shop.charges == ["tea", "milk"]


async def test_a_reply_is_posted_once_wherever_its_worker_dies() -> None:
    for when in ("before", "after"):
        async with _thread(Shop()) as thread:
            thread.kill_at("reply", when)
            with pytest.raises(Killed):
                await thread.say("tea")
            assert await thread.resume() == "One moment.\n\n2: paid for tea"


async def test_the_killed_attempt_gets_no_further_and_writes_nothing_more() -> None:
    after: list[str] = []

    async def careful(turn: Turn) -> str:
        try:
            await turn.step("work", asyncio.sleep, 0, idempotent=True)
        finally:
            after.append(str(turn.attempt))
            if turn.attempt == 1:
                await turn.step("clean up", asyncio.sleep, 0)
        return "done"

    thread = _thread(careful)
    thread.kill_at("step:work")
    with pytest.raises(Killed):
        await thread.say("go")
    assert await thread.resume() == "done"
    assert after == ["2"]
    await thread.close()
    assert after == ["2", "1"]
    assert thread.steps == ("work#1",)


async def test_a_message_that_kills_each_worker_is_a_dead_letter() -> None:
    async with _thread(Shop(idempotent=True), attempts=2) as thread:
        for _ in range(2):
            thread.kill_at("step:charge")
            with pytest.raises(Killed):
                await (thread.resume() if thread.waiting else thread.say("tea"))
        with pytest.raises(TurnFailed, match="died or lost its lease in 2 attempts"):
            await thread.resume()
        assert not thread.waiting


async def test_a_failed_attempt_waits_for_the_next() -> None:
    shop = Shop(error=NoEffect("declined", retry_after=5))
    clock = MovableClock()
    thread = _thread(shop, clock=clock)
    before = clock.now()
    with pytest.raises(NoEffect):
        await thread.say("tea")
    assert (thread.stream[-1].kind, len(thread.waiting)) == ("retry", 1)
    assert await thread.say("milk") == "One moment.\n\n1: paid for milk"
    assert shop.charges == ["tea", "milk"]
    assert clock.now() == before + 5000


async def test_the_last_attempt_makes_a_dead_letter_that_can_be_replayed() -> None:
    shop = Shop(error=NoEffect("declined"))
    thread = _thread(shop, attempts=1)
    with pytest.raises(NoEffect):
        await thread.say("tea", delivery="chat:1")
    assert (thread.turn_ends[0].status, thread.stream[-1].kind) == ("failed", "error")
    assert await thread.say("tea", delivery="chat:1") == "One moment.\n\n1: paid for tea"
    assert [(message.role, message.failed) for message in thread.history] == [
        ("user", ""), ("assistant", ""), ("assistant", ""),
    ]  # fmt: skip
    assert await thread.say("tea", delivery="chat:1") == "One moment.\n\n1: paid for tea"
    assert shop.charges == ["tea"]


@pytest.mark.parametrize(
    ("error", "match"), [(SystemExit(3), "sys.exit"), (asyncio.CancelledError(), "cancelled itself")]
)
async def test_an_agent_that_ends_its_process_has_failed(error: BaseException, match: str) -> None:
    async def leave(turn: Turn) -> str:
        raise error

    with pytest.raises(RuntimeError, match=match):
        await _thread(leave).say("go")


async def test_the_limits_are_a_workers() -> None:
    async def slow(turn: Turn) -> str:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if turn.state.setdefault("cancelled", 0):
                    raise
                turn.state["cancelled"] = 1

    with pytest.raises(TimeExceeded):
        await _thread(slow, timeout=0.01).say("go")

    async def many(turn: Turn) -> str:
        for _ in range(1001):
            await turn.step("one", asyncio.sleep, 0, idempotent=True)
        return ""

    with pytest.raises(LimitExceeded):
        await _thread(many).say("go")

    async def unstorable(turn: Turn) -> str:
        turn.state["self"] = turn
        return "x"

    with pytest.raises(TypeError):
        await _thread(unstorable).say("go")


async def test_the_history_is_limited_as_declared() -> None:
    async def recall(turn: Turn) -> str:
        return ",".join(message.text for message in turn.history)

    thread = MemoryThread(Agent("recall", recall, messages=2))
    assert [await thread.say(text) for text in "abc"] == ["", "a", "b,a"]


async def test_an_event_is_routed_as_its_agents_listen() -> None:
    async def shout(turn: Turn) -> str:
        return turn.text.upper()

    event = Event(delivery="github:1", thread="github:1:2", kind="x", text="hi", author=Author("u"), channel="acme/w")
    thread = MemoryThread(
        [Agent("shout", shout, listen=Listen("github", "acme/*", when=("every",))), Agent("b", shout)]
    )
    assert await thread.send(event) == "HI"
    assert thread.agent == "shout"
    deaf = MemoryThread(Agent("deaf", shout, listen=Listen("slack")))
    assert (await deaf.send(event), deaf.turn_ends[0].status, deaf.history) == ("", "ignored", [])
    assert deaf.turn_ends[0].reason == "no agent listens to github acme/w"


async def test_a_conversation_goes_on_from_what_was_kept() -> None:
    first = _thread(Shop())
    await first.say("tea")
    second = _thread(Shop(), history=first.history, state=first.encoded_state, agent=first.agent, id=first.id)
    await second.say("milk")
    assert (second.state, len(second.history)) == ({"orders": 2}, 6)


@pytest.mark.parametrize("place", ["charge", "step:", "replies"])
def test_an_unknown_place_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="kill_at takes"):
        _thread(Shop()).kill_at(place)


async def test_a_replaced_model_runs_for_each_agent_and_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    inner = Agent("inner", model="openai-chat:gpt-4.1-mini")

    async def outer(turn: Turn) -> str | None:
        return await inner.think(turn)

    thread = MemoryThread(Agent("outer", outer), model=TestModel(call_tools=[], custom_output_text="fine"))
    assert await thread.say("hello") == "fine"
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        await MemoryThread(Agent("outer", outer)).say("hello")


async def test_progress_shows_nothing_in_memory_and_refuses_what_is_no_text() -> None:
    async def search(turn: Turn) -> str:
        turn.progress("Searching…")
        with pytest.raises(TypeError, match="progress takes a str, not int"):
            turn.progress(5)  # type: ignore[arg-type]
        return "found"

    assert await MemoryThread(Agent("search", search)).say("hi") == "found"


def test_an_unknown_presence_is_named_at_declaration() -> None:
    async def search(turn: Turn) -> str:
        return "found"

    with pytest.raises(ConfigurationError, match='presence must be "status", "outcome" or None'):
        Agent("search", search, presence="eyes")  # type: ignore[arg-type]
