"""What an agent does about edits of messages that it has answered."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from answerback import Agent, Listen, Turn
from answerback.agents.memory import MemoryThread
from answerback.errors import ConfigurationError
from answerback.events import Event
from answerback.messages import Author, Identity

US = {"slack": Identity(name="@answerbot", mentions=("ubot",), marks=("user:UBOT",))}
FIRST = Event(
    delivery="slack:1", thread="slack:t", kind="message", text="one", author=Author("ada"), channel="C1", message="m1"
)


def thread(edits: Any, seen: list[tuple[str, str, list[str]]], **more: Any) -> MemoryThread:
    async def think(turn: Turn) -> str:
        seen.append((turn.text, turn.event.edited, [message.text for message in turn.history]))
        return f"re: {turn.text}"

    return MemoryThread(
        Agent("a", think, edits=edits, listen=Listen(when=("every",)), **more), id="slack:t", identities=US
    )


@pytest.mark.parametrize(
    ("edits", "reply", "expected"),
    [
        ("ignore", "", []),
        ("tell", "re: two", [("two", "text", ["one", "re: one"])]),
        ("again", "re: two", [("two", "again", [])]),
    ],
)
async def test_an_edit_of_an_answered_message_does_what_its_agent_declares(
    edits: Any, reply: str, expected: list[tuple[str, str, list[str]]]
) -> None:
    seen: list[tuple[str, str, list[str]]] = []
    async with thread(edits, seen) as one:
        assert await one.send(FIRST) == "re: one"
        assert await one.edit(FIRST, "two") == reply
        assert seen[1:] == expected


async def test_an_edit_of_a_message_that_nobody_answered_is_no_event() -> None:
    seen: list[tuple[str, str, list[str]]] = []
    async with thread("tell", seen) as one:
        assert await one.edit(FIRST, "two") == ""
        assert await one.send(FIRST) == "re: two"
        assert [text for text, _, _ in seen] == ["two"]


async def test_a_message_is_answered_again_with_what_was_said_besides() -> None:
    seen: list[tuple[str, str, list[str]]] = []
    second = Event(
        delivery="slack:2", thread="slack:t", kind="message", text="other", author=Author("ravi"), message="m2"
    )
    async with thread("again", seen) as one:
        await one.send(FIRST)
        await one.send(second)
        await one.edit(FIRST, "two")
        await one.edit(FIRST, "three")
        assert seen[2] == ("two", "again", ["other", "re: other"])
        assert seen[3] == ("three", "again", ["other", "re: other"])
        assert one.replies == ["re: one", "re: other", "re: two", "re: three"]


async def test_an_edit_by_the_agents_own_account_is_not_answered() -> None:
    seen: list[tuple[str, str, list[str]]] = []
    async with thread("again", seen) as one:
        await one.send(FIRST)
        ours = msgspec.structs.replace(FIRST, identities=("user:UBOT",))
        assert await one.edit(ours, "two") == ""


def test_an_unknown_declaration_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ignore, tell, again"):
        Agent("a", model="test", edits="maybe")  # type: ignore[arg-type]
