"""Edits, deletions and files in a thread in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from answerback.agents import Agent, Listen, Turn
from answerback.agents.memory import MemoryThread
from answerback.errors import NoSuchFile
from answerback.events import Event
from answerback.messages import Author, Identity

US = {"slack": Identity(name="@answerbot", mentions=("ubot",))}
THREAD = "slack:t"


def message(number: int, text: str, *mentions: str) -> Event:
    return Event(
        delivery=f"slack:{number}", thread=THREAD, kind="message", text=text, author=Author("ada"), channel="C1",
        message=f"m{number}", mentions=mentions,
    )  # fmt: skip


def thread_of(think: Any, *when: Any, **more: Any) -> MemoryThread:
    return MemoryThread(
        Agent("a", think, listen=Listen(when=when or ("every",)), **more), id=THREAD, identities=US, attempts=3
    )


async def echo(turn: Turn) -> str:
    return f"echo: {turn.text}"


class Held:
    """An agent that answers when it is released."""

    def __init__(self) -> None:
        self.begun, self.released = asyncio.Event(), asyncio.Event()

    async def __call__(self, turn: Turn) -> str:
        self.begun.set()
        await self.released.wait()
        return turn.text


async def test_a_message_that_waits_is_changed_or_removed_and_one_that_runs_is_not() -> None:
    held = Held()
    async with thread_of(held) as thread:
        events = [message(number, f"message {number}") for number in range(4)]
        sent = [asyncio.create_task(thread.send(event)) for event in events]
        await held.begun.wait()
        assert await thread.edit(events[0], "too late") == ""
        assert await thread.edit(events[1], "better") == ""
        assert (await thread.delete(events[2]), await thread.delete(events[0])) == (True, False)
        held.released.set()
        assert await asyncio.gather(*sent) == ["message 0", "better", "", "message 3"]
        # A redelivery of what was deleted, and an edit of it, change nothing.
        assert (await thread.send(events[2]), await thread.edit(events[2], "again")) == ("", "")
        assert [each.text for each in thread.history if each.role == "user"] == ["message 0", "better", "message 3"]


async def test_deliveries_come_in_any_order() -> None:
    async with thread_of(echo) as thread:
        gone, late = message(1, "gone"), message(2, "first words")
        assert not await thread.delete(gone)
        await thread.edit(late, "last words")
        assert (await thread.send(gone), await thread.send(late)) == ("", "echo: last words")
        assert thread.waiting == []


async def test_an_edit_that_adds_a_mention_is_answered_once() -> None:
    async with thread_of(echo, "mention") as thread:
        first = message(1, "hello")
        assert await thread.send(first) == ""
        assert await thread.edit(first, "hello!") == ""
        assert await thread.edit(first, "hello @answerbot", mentions=["ubot"]) == "echo: hello @answerbot"
        assert [each.text for each in thread.history] == ["hello!", "hello @answerbot", "echo: hello @answerbot"]


async def test_failed_attempts_go_with_their_message() -> None:
    async def fails_first(turn: Turn) -> str:
        if turn.text == "bad":
            raise ConnectionError
        return f"{turn.text} in attempt {turn.attempt}"

    async with thread_of(fails_first) as thread:
        bad, good = message(1, "bad"), message(2, "good")
        with pytest.raises(ConnectionError):
            await thread.send(bad)
        assert await thread.delete(bad)
        assert await thread.resume() == ""
        assert await thread.send(good) == "good in attempt 1"


async def test_a_message_that_is_deleted_while_its_agent_debounces_is_not_answered() -> None:
    thread = MemoryThread(Agent("a", echo, arrival="debounce", quiet=0.05), id="chat:default:c", attempts=3)
    said = asyncio.create_task(thread.say("never mind"))
    while not thread.waiting:
        await asyncio.sleep(0)
    assert await thread.delete(thread.waiting[0])
    assert await said == ""
    assert thread.history == []


async def test_only_a_message_can_be_changed() -> None:
    thread = thread_of(echo)
    reaction = Event(delivery="slack:9", thread=THREAD, kind="reaction", text="", author=Author("ada"))
    with pytest.raises(ValueError, match="no message id"):
        await thread.edit(reaction, "x")
    with pytest.raises(ValueError, match="no message id"):
        await thread.delete(reaction)


async def test_an_uploaded_file_is_read_until_it_is_deleted() -> None:
    async def read(turn: Turn) -> str:
        [file] = turn.attachments
        return f"{file.name} ({file.content_type}, {file.size}): {(await turn.read(file)).decode()}"

    thread = MemoryThread(Agent("a", read))
    file = thread.upload("a.csv", b"1,2")
    assert await thread.say("look", attachments=[file]) == "a.csv (text/csv, 3): 1,2"
    assert thread.history[0].attachments[0].file == file.file
    thread.delete_file(file)
    with pytest.raises(NoSuchFile):
        await thread.say("look again", attachments=[file])
