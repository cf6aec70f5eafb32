"""What `answerback.testing` gives to those who write agents."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback import Agent, Listen, OutcomeUnknown, Turn, idempotent
from answerback.errors import TurnFailed
from answerback.testing import (
    Killed,
    MovableClock,
    NotRecorded,
    PlayedThread,
    answers,
    attachment,
    call,
    event,
    event_names,
    play,
    recorded,
)
from tests.forks import ROOT


async def echo(turn: Turn) -> str:
    return f"{turn.text} ({len(turn.history)} before)"


async def test_a_thread_is_played_and_looked_at() -> None:
    async with play(Agent("echo", echo)) as thread:
        assert await thread.say("hello") == "hello (0 before)"
        assert await thread.say("again") == "again (2 before)"
        assert thread.replies == ["hello (0 before)", "again (2 before)"]
        assert [turn_end.status for turn_end in thread.turn_ends] == ["completed"] * 2
        assert [each.kind for each in thread.stream] == ["turn", "text", "done"] * 2


async def test_input_files_history_and_state_reach_the_agent(tmp_path: Path) -> None:
    (tmp_path / "order.txt").write_text("one tea")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")

    async def reads(turn: Turn) -> str:
        text, photo = turn.attachments
        turn.state["seen"] += 1
        return f"{turn.input} {text.text} {photo.content_type} {len(photo.data)} {turn.state['seen']}"

    async with play(Agent("reads", reads), state={"seen": 1}) as thread:
        files = [attachment(tmp_path / "order.txt"), attachment(str(tmp_path / "photo.png"))]
        assert await thread.say("look", input={"table": 4}, attachments=files) == "{'table': 4} one tea image/png 4 2"
        assert thread.history[0].attachments == tuple(files)


async def test_agents_are_named_as_a_worker_names_them() -> None:
    async with play("answerback.agents.demo:agent") as thread:
        assert await thread.say("hello")


async def test_a_model_answers_as_written() -> None:
    asked: list[str] = []

    @idempotent
    async def find(query: str) -> str:
        asked.append(query)
        return "red, blue"

    agent = Agent("shop", model="openai-chat:gpt-4.1-mini", instructions="You sell shoes.", tools=[find])
    script = call("find", query="shoes"), "We have red and blue ones."
    async with play(agent, model=answers(*script)) as thread:
        assert await thread.say("shoes?") == "We have red and blue ones."
        assert (asked, thread.history[-1].tools[0].result) == (["shoes"], "red, blue")
        with pytest.raises(TurnFailed, match="more often than the 2 times"):
            await thread.say("and now?")
    async with play(agent, model=answers(call("buy"))) as thread:
        with pytest.raises(TurnFailed, match='no tool "buy"; it has: reply, find'):
            await thread.say("shoes?")


async def test_a_model_that_is_followed_is_streamed() -> None:
    async with play(Agent("a", model="openai-chat:x"), model=answers("One two\nthree.")) as thread:
        pieces: list[str] = []
        thread.follow(lambda each: pieces.append(getattr(each, "text", "")))
        assert await thread.say("hello") == "One two\nthree."
        assert "".join(pieces) == "One two\nthree."
        assert len(pieces) > 3


async def test_a_tool_is_killed_by_its_name() -> None:
    bought: list[str] = []

    async def buy(what: str) -> str:
        bought.append(what)
        return "bought"

    agent = Agent("shop", model="openai-chat:x", tools=[buy])
    async with play(agent, model=answers(call("buy", what="tea"), "I am not sure that it worked.")) as thread:
        thread.kill_at("tool:buy")
        with pytest.raises(Killed):
            await thread.say("buy tea")
        assert await thread.resume() == "I am not sure that it worked."
        assert bought == ["tea"]
        assert thread.history[-1].tools[0].outcome == "unknown"


async def test_each_model_request_is_made_once() -> None:
    async with play(Agent("a", model="openai-chat:x"), model=answers("only once")) as thread:
        thread.kill_at("commit", "before")
        with pytest.raises(Killed):
            await thread.say("hello")
        assert await thread.resume() == "only once"


async def test_real_deliveries_are_routed_answered_and_cut() -> None:
    async def long(turn: Turn) -> str:
        return "x" * 100_000

    async with play(Agent("long", long, listen=Listen("github", when=("mention",)))) as thread:
        comment = event("github/issue_comment.created", author="ada")
        assert comment.author.name == "ada"
        await thread.send(comment)
        await thread.send(comment)
        assert len(thread.turn_ends) == 1
        assert len(thread.outbox) == 2
        assert await thread.send(event("github/issues.opened", text="nobody is mentioned", mentions=())) == ""
    async with play(Agent("echo", echo)) as slack:
        assert await slack.send(event("slack/message.im", text="hi")) == "hi (0 before)"


async def test_an_agent_that_asks_for_it_gets_the_payload() -> None:
    async def labels(turn: Turn) -> str:
        return str(turn.event.raw and turn.event.raw["action"])

    opened = event("github/issues.opened")
    for raw in (True, False):
        agent = Agent("labels", labels, listen=Listen("github", when=("every",)), raw=raw)
        async with play(agent) as thread:
            assert await thread.send(opened) == ("opened" if raw else "None")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("github/nothing", "no delivery"),
        ("github/ping", "contains no event"),
        ("slack/url_verification", "verifies the address"),
        ("github/issue_comment.deleted", "an edit or a deletion"),
    ],
)
def test_a_delivery_without_an_event_is_refused_in_words(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        event(name)
    assert len(event_names()) > 60


async def test_a_clock_moves_as_it_is_told() -> None:
    clock = MovableClock()
    begin = clock.now()
    async with play(Agent("echo", echo, arrival="debounce", quiet=60), clock=clock) as thread:
        clock.move(minutes=5)
        # The two messages are one burst, and no test waits a minute.
        replies = await asyncio.gather(thread.say("a"), thread.say("b"))
        assert list(replies) == ["a\n\nb (0 before)"] * 2
        assert thread.history[0].at == begin + 300_000
        assert thread.turn_ends[0].at == begin + 360_000
    with pytest.raises(ValueError, match="backwards"):
        clock.move(seconds=-1)


async def test_answers_are_recorded_once_and_replayed(tmp_path: Path) -> None:
    requests: list[int] = []

    def real(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        requests.append(len(messages))
        return ModelResponse(parts=[TextPart(f"answer {len(requests)}")])

    file = tmp_path / "recordings/shop.json"
    agent = Agent("shop", model="openai-chat:x", instructions="Sell.")

    async def conversation(thread: PlayedThread) -> list[str]:
        return [await thread.say(text) for text in ("one", "two")]

    async with play(agent, model=recorded(file, FunctionModel(real), record=True)) as thread:
        assert await conversation(thread) == ["answer 1", "answer 2"]
    exchanges = json.loads(file.read_text())
    assert exchanges[0]["request"]["instructions"] == "Sell."
    for _ in range(2):
        async with play(agent, model=recorded(file, "openai-chat:x")) as thread:
            assert await conversation(thread) == ["answer 1", "answer 2"]
    assert len(requests) == 2
    async with play(agent, model=recorded(file, "openai-chat:x")) as thread:
        with pytest.raises(NotRecorded, match=r"shop.json has no answer to this request: .*three.*--answerback-record"):
            await thread.say("three")
    async with play(agent, model=recorded(tmp_path / "none.json", "openai-chat:x")) as thread:
        with pytest.raises(NotRecorded, match="it has no answers"):
            await thread.say("one")


async def test_an_agent_that_checks_an_unknown_step_recovers() -> None:
    paid: list[str] = []

    async def charge(order: str) -> str:
        paid.append(order)
        return "r1"

    async def find(order: str) -> str:
        return "r1" if order in paid else ""

    async def shop(turn: Turn) -> str:
        try:
            receipt = await turn.step("charge", charge, turn.text)
        except OutcomeUnknown:
            receipt = await turn.step("find", find, turn.text, idempotent=True)
        return f"receipt {receipt}"

    async with play(Agent("shop", shop)) as thread:
        thread.kill_at("step:charge")
        with pytest.raises(Killed):
            await thread.say("tea")
        assert await thread.resume() == "receipt r1"
        assert paid == ["tea"]


def test_the_plugin_loads_nothing_until_it_is_used() -> None:
    program = (
        "import sys, answerback.testing.plugin\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'pydantic_ai', 'pydantic', 'aiohttp', 'redis', 'arq', 'msgspec', 'structlog'}))\n"
        "print(sorted(name for name in sys.modules if name.startswith('answerback')))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert result.stdout.splitlines() == [
        "[]", "['answerback', 'answerback.testing', 'answerback.testing.plugin']",
    ]  # fmt: skip
