"""A pressed button: it reaches the agent that posted it, once, and somebody who presses an old one is told."""

from __future__ import annotations

import msgspec
import pytest

from answerback import Agent, Button, Listen, Select, Turn
from answerback.agents.memory import MemoryThread
from answerback.agents.presses import DOUBLE_CLICK, OUT_OF_USE, pressed_twice
from answerback.events import Action, Event
from answerback.messages import Author, Message
from answerback.testing import MovableClock, event, play

ADA, BOB = Author("ada"), Author("bob")
PRESS = Event(
    delivery="slack:p1", thread="t", kind="button", text="pressed Approve", author=ADA, at=10_000, reply="turn.0",
    action=Action(type="button", name="approve", value="42", message="9.9"),
)  # fmt: skip


async def ask(turn: Turn) -> str | None:
    if turn.event.action:
        return f"{turn.event.author.id} chose {turn.event.action.name}={turn.event.action.value}"
    approve = Button("Approve", value="42", name="approve")
    await turn.reply("Well?", actions=[approve, Select("size", (("Small", "s"),))])
    return None


async def echo(turn: Turn) -> str:
    return f"echo: {turn.text}"


async def test_a_press_is_an_event_with_an_action() -> None:
    async with play(Agent("ask", ask)) as thread:
        await thread.say("hello")
        assert await thread.press("Approve", author=BOB) == "bob chose approve=42"
        assert await thread.press("size", "Small") == "you chose size=s"
        assert [message.text for message in thread.history if message.role == "user"] == [
            "hello", "pressed Approve (value: 42)", "chose Small (value: s)",
        ]  # fmt: skip
        with pytest.raises(ValueError, match='no button or option "Reject" in the thread, but: Approve, size: Small'):
            await thread.press("Reject")


async def test_a_press_reaches_the_agent_that_posted_the_button_whoever_answered_since() -> None:
    asks = Agent("ask", ask, listen=Listen("slack", when=("mention",)))
    async with play([Agent("echo", echo, listen=Listen("slack", when=("every", "action"))), asks]) as thread:
        question = event("slack/message", text="hello")
        ours = msgspec.structs.replace(question, agent="ask")
        await thread.send(ours)
        assert await thread.send(event("slack/message", text="and?", mentions=(), mentioned=False)) == "echo: and?"
        assert await thread.press("Approve") == "you chose approve=42"


async def test_a_press_of_a_button_whose_agent_is_gone_gets_words() -> None:
    thread = event("slack/message").thread
    button = Message(role="assistant", text="Well?", id="turn.0", turn="turn", agent="gone", reply="turn.0",
                     actions=(Button("Approve", name="approve"),))  # fmt: skip
    everything = Agent("echo", echo, listen=Listen(when=("every", "action")))
    async with play(everything, history=[button]) as played:
        await played.send(msgspec.structs.replace(PRESS, thread=thread, address=event("slack/message").address))
        assert [reply.text for reply in played.outbox] == [OUT_OF_USE]
        # A button of somebody else's program, of which we know nothing.
        foreign = msgspec.structs.replace(PRESS, delivery="slack:p2", thread=thread, reply="", at=99_000)
        assert await played.send(foreign) == "echo: pressed Approve"


async def test_a_press_of_a_button_that_the_history_no_longer_has_reaches_the_threads_agent() -> None:
    shy = Agent("shy", ask, listen=Listen("slack", when=("mention",)))
    async with play([Agent("echo", echo), shy]) as played:
        await played.send(msgspec.structs.replace(event("slack/message", text="hello"), agent="shy"))
        old = msgspec.structs.replace(PRESS, thread=event("slack/message").thread, reply="older.0")
        assert await played.send(old) == "ada chose approve=42"


async def test_a_double_click_is_one_press() -> None:
    async def refresh(turn: Turn) -> None:
        if turn.event.action:
            turn.state["pressed"] = turn.state.get("pressed", 0) + 1
        else:
            await turn.reply("?", actions=[Button("Refresh")])

    clock = MovableClock()
    thread = MemoryThread(Agent("a", refresh), clock=clock)
    await thread.say("hello")
    await thread.press("Refresh")
    await thread.press("Refresh")
    assert thread.turn_ends[-1].status == "ignored"
    assert "pressed before" in thread.turn_ends[-1].reason
    await thread.press("Refresh", author=BOB)
    assert thread.state == {"pressed": 2}
    clock.move(seconds=DOUBLE_CLICK / 1000)
    await thread.press("Refresh")
    assert thread.state == {"pressed": 3}


def test_a_press_while_the_first_one_is_answered_is_the_same_press() -> None:
    turn = [
        Message(role="user", text="", turn="t1", author=ADA, pressed="button\n9.9\napprove\n42", at=1),
        Message(role="assistant", text="done", turn="t1", at=20_000),
    ]
    assert pressed_twice(turn, PRESS, stored=19_999)
    assert not pressed_twice(turn, PRESS, stored=20_001)
    assert not pressed_twice(turn, PRESS, stored=0)
    assert not pressed_twice(turn, msgspec.structs.replace(PRESS, author=BOB), stored=19_999)
    for other in ({"message": "1.1"}, {"name": "reject"}, {"value": "43"}):
        assert PRESS.action
        action = msgspec.structs.replace(PRESS.action, **other)
        assert not pressed_twice(turn, msgspec.structs.replace(PRESS, action=action), stored=19_999)
