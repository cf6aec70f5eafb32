"""What a turn produces reaches those who follow it, whole and once, whatever happens to its worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

from answerback.messages import Author, Event
from tests.acceptance.reader import THREAD, Reader, following, said
from tests.acceptance.system import System, until


async def mark(folder: Path, name: str) -> None:
    """Wait for such a word."""

    async def there() -> bool:
        return (folder / name).exists()

    await until(there, what=f"the agent getting to {name}")


async def texts(system: System, role: str = "assistant") -> list[str]:
    """What a role said in the thread."""
    found = await system.transcript(THREAD)
    return [message.text for message in found.messages if message.role == role]


async def test_a_reply_is_read_as_it_is_said_and_a_late_reader_has_the_same(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        reader = Reader()
        reading = asyncio.create_task(reader.read(live))
        event = said("say 30")
        await plain.threads.accept(event)
        await reading
        assert reader.kinds[0] == "turn"
        assert reader.pieces > 5
        whole = "".join(f"word{number} " for number in range(30))
        assert reader.texts == {f"{event.id}.0": whole}
        assert await texts(plain) == [whole]
        assert reader.ended[0]["status"] == "completed"
        late = Reader()
        await late.read(live)
        assert late.texts == reader.texts


async def test_a_reader_that_is_cut_off_every_few_deltas_misses_and_repeats_nothing(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:recites", PACE="0.005")
    async with following(plain) as one, following(plain) as other:
        reader = Reader()
        await plain.threads.accept(said("say 100"))
        lives = [one, other]
        while not reader.ended:
            lives.reverse()
            await reader.read(lives[0], at_most=3)
        assert list(reader.texts.values()) == ["".join(f"word{number} " for number in range(100))]
        assert reader.kinds.count("turn") == 1


async def test_kill_9_in_mid_stream_and_the_reader_has_exactly_what_was_committed(plain: System, marks: Path) -> None:
    first = await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        reader = Reader()
        event = said("say 60")
        await plain.threads.accept(event)
        reading = asyncio.create_task(reader.read(live))
        await mark(marks, f"{event.id}-20")
        await first.kill()
        await plain.worker("tests.acceptance.agents:recites", PACE="0")
        await reading
    assert [*reader.texts.values()] == await texts(plain)
    assert reader.kinds.count("turn") == 1
    assert "".join(reader.texts.values()).count("word5 ") == 1


async def test_a_turn_is_cancelled_at_once_and_what_was_said_stays(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        event = said("say 100000")
        await plain.threads.accept(event)
        await mark(marks, f"{event.id}-10")
        assert await plain.threads.cancel(THREAD)
        reader = Reader()
        await reader.read(live)
        assert reader.ended[0]["status"] == "cancelled"
        transcript = await plain.transcript(THREAD)
        assert transcript.messages[-1].status == "cancelled"
        assert transcript.messages[-1].text == reader.texts[f"{event.id}.0"]
        assert not await plain.threads.cancel(THREAD)
        await plain.threads.accept(said("say 2"))
        await reader.read(live, until_done=2)
        assert reader.ended[1]["status"] == "completed"


async def test_a_turn_that_waits_for_its_next_try_can_be_cancelled(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:failing", TURN_RETRY_SECONDS="3600")
    async with following(plain) as live:
        reader = Reader()
        await plain.threads.accept(said("fail always"))
        await reader.read(live, at_most=2)
        assert reader.kinds == ["turn", "retry"]
        assert await plain.threads.cancel(THREAD)
        await reader.read(live)
        assert reader.ended[0]["status"] == "cancelled"


async def test_messages_that_wait_are_merged_into_one_turn(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:merges")
    await plain.threads.accept(said("a"))
    await mark(marks, "a")
    for text in ("b", "c", "d"):
        await plain.threads.accept(said(text))
    await plain.quiet(4)
    assert await texts(plain) == ["a", "b + c + d"]
    assert await texts(plain, "user") == ["a", "b", "c", "d"]


async def test_a_debounced_agent_answers_once_it_is_quiet(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:debounces")
    for text in ("a", "b", "c"):
        await plain.threads.accept(said(text))
        await asyncio.sleep(0.1)
    await plain.quiet(3)
    assert await texts(plain) == ["a + b + c"]


async def test_a_turn_is_interrupted_and_begins_again_with_everything(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:interrupts", SLOW="1")
    async with following(plain) as live:
        first, second = said("a"), said("b")
        await plain.threads.accept(first)
        await mark(marks, "a")
        await plain.threads.accept(second)
        reader = Reader()
        await reader.read(live, until_done=2)
        assert [end["status"] for end in reader.ended] == ["interrupted", "completed"]
        assert reader.ended[1]["events"] == [first.id, second.id]
    assert await texts(plain) == ["a + b"]
    assert await texts(plain, "user") == ["a", "b"]


async def test_a_message_may_interrupt_an_agent_that_would_not_be(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    first = said("say 100000")
    await plain.threads.accept(first)
    await mark(marks, f"{first.id}-5")
    await plain.threads.accept(said("no, say 3", arrival="interrupt"))
    await plain.quiet(2)
    transcript = await plain.transcript(THREAD)
    assert [(message.role, message.status) for message in transcript.messages] == [
        ("user", ""),
        ("assistant", "interrupted"),
        ("user", ""),
        ("assistant", ""),
    ]
    assert transcript.messages[-1].text == "word0 word1 word2 "


async def test_a_busy_agent_drops_what_arrives_and_says_so(plain: System, marks: Path) -> None:
    await plain.worker("tests.acceptance.agents:drops")
    async with following(plain) as live:
        reader = Reader()
        await plain.threads.accept(said("a"))
        await mark(marks, "a")
        dropped = said("b")
        await plain.threads.accept(dropped)
        await reader.read(live, until_done=2)
        assert [end["status"] for end in reader.ended] == ["completed", "dropped"]
        assert reader.ended[1]["events"] == [dropped.id]
        await plain.threads.accept(said("c"))
        await reader.read(live, until_done=3)
    assert await texts(plain) == ["a", "c"]
    assert [message.status for message in (await plain.transcript(THREAD)).messages] == ["", "", "dropped", "", ""]


async def test_a_platforms_thread_is_streamed_while_somebody_follows(plain: System, marks: Path) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        thread = "standard:t1"
        event = Event(delivery="standard:1", thread=thread, kind="message", text="say 100", author=Author("u"))
        await plain.threads.accept(event)
        await mark(marks, f"{event.id}-5")
        async with asyncio.timeout(30), live.follow(thread) as deltas:
            kinds = []
            async for delta in deltas:
                kinds.append(delta.kind)
                if delta.kind == "done":
                    break
        assert "text" in kinds
