"""A worker dies at each place of a turn that looks up, mutes, stays silent, or returns data: the end is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback import Agent, Document, Turn, idempotent
from answerback.agents.memory import Killed, MemoryThread
from answerback.testing.clock import MovableClock

calls: Counter[str] = Counter()


class Verdict(BaseModel):
    """What the judge returns."""

    bug: bool


async def search(query: str, limit: int) -> list[Document]:
    calls["search"] += 1
    return [Document(source="hours", text="We open at nine.", score=1.0)]


@idempotent
async def find(query: str) -> str:
    calls["find"] += 1
    return f"found {query}"


def calls_in_order(*tools: tuple[str, dict[str, Any]]) -> FunctionModel:
    """Return a model that calls these tools, one after the other. Asked again, it says the same again."""

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        name, args = tools[sum(isinstance(message, ModelResponse) for message in messages)]
        return ModelResponse(parts=[ToolCallPart(name, args)])

    return FunctionModel(respond)


async def looks_up(turn: Turn) -> str:
    [document] = await turn.retrieve(turn.text)
    await turn.reply("One moment.")
    await turn.mute()
    return document.text


async def judges(turn: Turn) -> Verdict:
    await turn.step("weigh", find, "it", idempotent=True)
    return Verdict(bug=True)


SCENES: dict[str, tuple[Callable[[], Agent], tuple[str, ...]]] = {
    "retrieval and attention": (
        lambda: Agent("a", looks_up, knowledge=search),
        ("step:retrieve*", "step:thread.attention*", "reply", "commit"),
    ),
    "typed output": (lambda: Agent("a", judges, output=Verdict), ("step:weigh", "commit")),
    "a model's tool, retrieval and output": (
        lambda: Agent(
            "a", knowledge=search, tools=[find], output=Verdict,
            model=calls_in_order(
                ("search_knowledge", {"query": "x"}), ("find", {"query": "y"}), ("final_result", {"bug": True})
            ),
        ),
        ("model", "tool:find", "step:retrieve", "commit"),
    ),
    "silence": (
        lambda: Agent(
            "a", model=calls_in_order(("find", {"query": "y"}), ("stay_silent", {})), tools=[find], may_stay_silent=True
        ),
        ("model", "tool:find", "commit"),
    ),
}  # fmt: skip
PLACES = [
    (scene, place, when) for scene, (_, places) in SCENES.items() for place in places for when in ("before", "after")
]


def kept(thread: MemoryThread) -> Any:
    """What is kept of a thread, without the ids of calls and times, in which two runs differ."""
    messages = [
        msgspec.structs.replace(
            message, at=0, turn="", id="", message="", model=b"",
            tools=tuple(msgspec.structs.replace(tool, id="") for tool in message.tools),
            retrievals=tuple(msgspec.structs.replace(found, id="") for found in message.retrievals),
        )
        for message in thread.history
    ]  # fmt: skip
    ends = [(end.status, len(end.messages), end.usage and end.usage.requests) for end in thread.turn_ends]
    return messages, ends, thread.attention, thread.waiting, thread.dead_letters


def thread_of(scene: str) -> MemoryThread:
    return MemoryThread(SCENES[scene][0](), id="chat:default:c1", attempts=5, clock=MovableClock())


@pytest.mark.parametrize(("scene", "place", "when"), PLACES)
async def test_a_turn_ends_as_if_nobody_had_died(scene: str, place: str, when: Any) -> None:
    undisturbed = thread_of(scene)
    await undisturbed.say("when?")
    calls.clear()
    async with thread_of(scene) as thread:
        thread.kill_at(place, when)
        with pytest.raises(Killed):
            await thread.say("when?")
        await thread.resume()
        assert kept(thread) == kept(undisturbed)
        # What has a result is not done again; a call that died may be, since it is idempotent.
        assert all(count <= 2 for count in calls.values())
