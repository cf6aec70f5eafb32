"""A language model's words, tool calls and results reach those who follow its thread, and its history."""

from __future__ import annotations

from tests.acceptance.reader import THREAD, Reader, following, said
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

MODEL = "tests.acceptance.model_agent:model"


async def test_words_are_read_as_the_model_says_them(system: System) -> None:
    await system.worker(MODEL)
    async with following(system) as live:
        reader = Reader()
        await system.threads.accept(said("write 200 words"))
        await reader.read(live)
    [text] = reader.texts.values()
    assert text == " ".join(f"word{number}" for number in range(1, 201))
    transcript = await system.transcript(THREAD)
    assert transcript.messages[-1].text == text
    usage = transcript.messages[-1].usage
    assert usage
    assert usage.requests == 1
    assert usage.output_tokens > 0


async def test_tool_calls_and_their_results_are_seen_and_kept(system: System, standins: StandIns) -> None:
    system.release()
    await system.worker(MODEL)
    async with following(system) as live:
        reader = Reader()
        await system.threads.accept(said('use tool look_up {"topic": "widgets"}'))
        await reader.read(live)
    call, result = reader.tools
    assert (call["name"], call["args"]) == ("look_up", {"topic": "widgets"})
    assert (result["result"], result["outcome"], result["id"]) == ("all about widgets", "done", call["id"])
    assert list(reader.texts.values()) == ["look_up returned: all about widgets"]
    message = (await system.transcript(THREAD)).messages[-1]
    assert [(tool.name, tool.args, tool.result) for tool in message.tools] == [
        ("look_up", {"topic": "widgets"}, "all about widgets")
    ]
    assert message.usage
    assert message.usage.requests == 2


async def test_a_model_that_is_cut_off_is_asked_again_and_says_nothing_twice(
    system: System, standins: StandIns
) -> None:
    await standins.add_fault(platform="model", do="cut", chunks=30, times=1)
    await system.worker(MODEL)
    async with following(system) as live:
        reader = Reader()
        await system.threads.accept(said("write 60 words"))
        await reader.read(live)
    assert "retry" in reader.kinds
    assert list(reader.texts.values()) == [" ".join(f"word{number}" for number in range(1, 61))]
    assert reader.kinds.count("turn") == 1


async def test_kill_9_between_tool_and_answer_shows_each_once_and_pays_each_once(
    system: System, standins: StandIns
) -> None:
    await standins.add_fault(platform="model", do="drip", after=1, times=1, seconds=0.5)
    system.release()
    worker = await system.worker(MODEL)
    async with following(system) as live:
        reader = Reader()
        await system.threads.accept(said('use tool look_up {"topic": "widgets"}'))
        await reader.read(live, at_most=3)
        assert reader.kinds == ["turn", "tool_call", "tool_result"]
        await worker.kill()
        await system.worker(MODEL)
        await reader.read(live)
    assert [tool["name"] for tool in reader.tools] == ["look_up", "look_up"]
    assert [mark.name for mark in system.marks.glob("look_up-*")] == ["look_up-widgets.0"]
    assert list(reader.texts.values()) == ["look_up returned: all about widgets"]


async def test_what_a_person_asked_for_in_the_thread_is_told_to_the_model(system: System, standins: StandIns) -> None:
    await system.worker(MODEL)
    await system.threads.accept(said("hello", system="Speak like a pirate."))
    await until(lambda: standins.requests("model", "chat.completions"), what="the model being asked")
    [request] = await standins.requests("model", "chat.completions")
    assert "Speak like a pirate." in str(request.body)
    await system.quiet(1)
