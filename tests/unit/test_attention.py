"""Threads are subscribed and muted, by people in them or by an agent, and that is kept."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.agents import Agent, Listen, Turn
from answerback.agents.commands import command_in
from answerback.agents.memory import Killed, MemoryThread
from answerback.attention import attention_of
from answerback.events import Event
from answerback.messages import Author, Identity

US = {"slack": Identity(name="@answerbot", mentions=("ubot",), marks=("user:ubot",))}


async def echo(turn: Turn) -> str:
    return f"echo: {turn.text}"


def thread_of(*agents: Agent, **more: Any) -> MemoryThread:
    return MemoryThread(agents, id="slack:t", identities=US, **more)


class People:
    """Write in a Slack thread; a text with "<@UBOT>" mentions us."""

    def __init__(self, thread: MemoryThread) -> None:
        self.thread = thread
        self._said = 0

    async def say(self, text: str, author: Author = Author("ada"), **more: Any) -> str:  # noqa: B008 (frozen)
        self._said += 1
        mentions = ("ubot",) if "<@UBOT>" in text else ()
        return await self.thread.send(
            Event(
                delivery=f"slack:{self._said}", thread="slack:t", kind="message", text=text, author=author,
                channel="C1", mentions=mentions, **more,
            )
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("<@UBOT> mute", "mute"),
        ("@answerbot Unmute.", "unmute"),
        (" @answerbot, subscribe! ", "subscribe"),
        ("@answerbot:\nunsubscribe", "unsubscribe"),
        ("mute", None),
        ("@answerbot should I mute", None),
        ("@answerbot mute the radio", None),
        ("please @answerbot mute", None),
    ],
)
def test_a_command_is_a_mention_and_a_word(text: str, command: str | None) -> None:
    assert command_in(text) == command


async def test_in_a_muted_thread_only_mentions_are_answered_until_it_is_unmuted() -> None:
    people = People(thread_of(Agent("helper", echo, listen=Listen(when=("every",)))))
    assert await people.say("hello") == "echo: hello"
    assert await people.say("<@UBOT> mute") == "Muted: in this thread I answer only when I am mentioned."
    assert await people.say("lunch?") == ""
    assert await people.say("<@UBOT> 1+1?") == "echo: <@UBOT> 1+1?"
    muted: str = people.thread.attention
    assert muted == "muted"
    assert [end.status for end in people.thread.turn_ends] == ["completed", "completed", "ignored", "completed"]
    assert "lunch?" in [message.text for message in people.thread.history]
    await people.say("<@UBOT> unmute")
    assert await people.say("hello again") == "echo: hello again"
    unmuted: str = people.thread.attention
    assert unmuted == "default"


async def test_in_a_subscribed_thread_every_message_is_answered() -> None:
    people = People(thread_of(Agent("helper", echo, listen=Listen(when=("mention", "subscribed")))))
    assert await people.say("<@UBOT> hello") == "echo: <@UBOT> hello"
    assert await people.say("hello") == ""
    assert await people.say("<@UBOT> subscribe") == "Subscribed: I answer every message in this thread."
    assert await people.say("hello") == "echo: hello"
    assert await people.say("hello", author=Author("b1", kind="bot")) == ""
    await people.say("<@UBOT> unmute")
    assert people.thread.attention == "subscribed"
    await people.say("<@UBOT> unsubscribe")
    assert await people.say("hello") == ""


@pytest.mark.parametrize(
    ("agent", "text", "author"),
    [
        (Agent("helper", echo, commands=False), "<@UBOT> mute", Author("ada")),
        (Agent("helper", echo, listen=Listen(when=("mention",))), "<@UBOT> subscribe", Author("ada")),
        (Agent("helper", echo, listen=Listen(when=("every",))), "@alice mute", Author("ada")),
        (Agent("helper", echo), "<@UBOT> mute", Author("b1", kind="bot")),
    ],
)
async def test_what_is_no_command_here_reaches_the_agent(agent: Agent, text: str, author: Author) -> None:
    people = People(thread_of(agent))
    assert await people.say(text, author=author) == f"echo: {text}"
    assert people.thread.attention == "default"


async def test_a_command_is_a_turn_of_its_own() -> None:
    agent = Agent("helper", echo, listen=Listen(when=("every",)), arrival="merge")
    people = People(thread_of(agent))
    for number, text in enumerate(("one", "two", "<@UBOT> mute", "three")):
        people.thread._records.accept(
            Event(
                delivery=f"slack:x{number}", thread="slack:t", kind="message", text=text, author=Author("ada"),
                channel="C1", mentions=("ubot",) if "<@" in text else (),
            )
        )  # fmt: skip
    await people.thread.resume()
    assert people.thread.replies == ["echo: one\n\ntwo", "Muted: in this thread I answer only when I am mentioned."]
    assert people.thread.turn_ends[-1].status == "ignored"


async def test_an_agent_mutes_its_thread_with_the_commit() -> None:
    async def leave(turn: Turn) -> str:
        await turn.mute()
        if turn.attempt == 1:
            raise RuntimeError("once")
        return f"bye ({turn.attention})"

    people = People(thread_of(Agent("helper", leave, listen=Listen(when=("every",))), attempts=3))
    with pytest.raises(RuntimeError):
        await people.say("go away")
    assert people.thread.attention == "default"
    assert await people.thread.resume() == "bye (muted)"
    assert await people.say("still here?") == ""
    chat = MemoryThread(Agent("helper", leave), attempts=3)
    with pytest.raises(RuntimeError):
        await chat.say("go away")
    await chat.resume()
    with pytest.raises(RuntimeError):  # in a chat, each message is for the agent
        await chat.say("still here?")


async def test_what_a_models_tool_decided_is_kept_if_its_worker_dies() -> None:
    async def leave(ctx: RunContext[Turn]) -> str:
        """Leave the conversation."""
        await ctx.deps.mute()
        return "left"

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if any(isinstance(part, ToolReturnPart) for message in messages for part in message.parts):
            return ModelResponse(parts=[TextPart("bye")])
        return ModelResponse(parts=[ToolCallPart("leave", {})])

    agent = Agent("helper", model=FunctionModel(respond), tools=[leave], listen=Listen(when=("every",)))
    async with thread_of(agent, attempts=3) as thread:
        people = People(thread)
        thread.kill_at("commit", "before")
        with pytest.raises(Killed):
            await people.say("go away")
        assert await thread.resume() == "bye"
        assert thread.attention == "muted"


def test_an_attention_of_a_newer_version_is_the_default() -> None:
    assert [attention_of(stored) for stored in ("", "muted", "subscribed", "snoozed")] == [
        "default", "muted", "subscribed", "default",
    ]  # fmt: skip
