"""What a turn produces reaches those who follow it, whole and once, whatever happens to its worker."""

from __future__ import annotations

import asyncio

from answerback.events import Event
from answerback.messages import Author
from tests.acceptance.reader import THREAD, Reader, following, said
from tests.acceptance.system import System, until


def whole(count: int) -> str:
    """So many words."""
    return "".join(f"word{number} " for number in range(count))


async def texts(system: System, role: str = "assistant") -> list[str]:
    """What a role said in the thread."""
    found = await system.transcript(THREAD)
    return [message.text for message in found.messages if message.role == role]


async def test_a_reply_is_read_as_it_is_said_and_a_late_reader_has_the_same(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        reader = Reader()
        reading = asyncio.create_task(reader.read(live))
        event = said("say 10 and 20")
        await plain.threads.accept(event)

        async def heard() -> bool:
            return reader.texts == {f"{event.id}.0": whole(10)}

        await until(heard, what="the words so far")
        plain.release()
        await reading
        assert reader.kinds[0] == "turn"
        assert reader.texts == {f"{event.id}.0": whole(30)}
        assert await texts(plain) == [whole(30)]
        assert reader.ended[0]["status"] == "completed"
        late = Reader()
        await late.read(live)
        assert late.texts == reader.texts


async def test_a_reader_that_is_cut_off_every_few_deltas_misses_and_repeats_nothing(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as one, following(plain) as other:
        reader = Reader()
        await plain.threads.accept(said("say 100"))
        lives = [one, other]
        while not reader.ended:
            lives.reverse()
            await reader.read(lives[0], at_most=3)
        assert list(reader.texts.values()) == [whole(100)]
        assert reader.kinds.count("turn") == 1


async def test_kill_9_in_mid_stream_and_the_reader_has_exactly_what_was_committed(plain: System) -> None:
    first = await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        reader = Reader()
        await plain.threads.accept(said("say 20 and 40"))
        reading = asyncio.create_task(reader.read(live))
        await plain.marked("word19")
        await first.kill()
        plain.release()
        await plain.worker("tests.acceptance.agents:recites")
        await reading
    assert [*reader.texts.values()] == await texts(plain)
    assert reader.kinds.count("turn") == 1
    assert "".join(reader.texts.values()).count("word5 ") == 1


async def test_a_turn_is_cancelled_at_once_and_what_was_said_stays(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        event = said("say 10 and 10")
        await plain.threads.accept(event)
        await plain.marked("word9")
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


async def test_a_turn_that_waits_for_its_next_try_can_be_cancelled(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:failing", TURN_RETRY_SECONDS="3600")
    async with following(plain) as live:
        reader = Reader()
        await plain.threads.accept(said("fail always"))
        await reader.read(live, at_most=2)
        assert reader.kinds == ["turn", "retry"]
        assert await plain.threads.cancel(THREAD)
        await reader.read(live)
        assert reader.ended[0]["status"] == "cancelled"


async def test_messages_that_wait_are_merged_into_one_turn(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:merges")
    await plain.threads.accept(said("a"))
    await plain.marked("a-1")
    for text in ("b", "c", "d"):
        await plain.threads.accept(said(text))
    plain.release()
    await plain.quiet(4)
    assert await texts(plain) == ["a", "b + c + d"]
    assert await texts(plain, "user") == ["a", "b", "c", "d"]


async def test_a_debounced_agent_answers_once_it_is_quiet(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:debounces")
    plain.release()
    for text in ("a", "b", "c"):
        await plain.threads.accept(said(text))
    await plain.quiet(3)
    assert await texts(plain) == ["a + b + c"]


async def test_a_turn_is_interrupted_and_begins_again_with_everything(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:interrupts")
    async with following(plain) as live:
        first, second = said("a"), said("b")
        await plain.threads.accept(first)
        await plain.marked("a-1")
        await plain.threads.accept(second)
        reader = Reader()
        await reader.read(live)
        plain.release()
        await reader.read(live, until_done=2)
        assert [end["status"] for end in reader.ended] == ["interrupted", "completed"]
        assert reader.ended[1]["events"] == [first.id, second.id]
    assert await texts(plain) == ["a + b"]
    assert await texts(plain, "user") == ["a", "b"]


async def test_a_message_may_interrupt_an_agent_that_would_not_be(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:recites")
    await plain.threads.accept(said("say 5 and 5"))
    await plain.marked("word4")
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


async def test_a_busy_agent_drops_what_arrives_and_says_so(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:drops")
    async with following(plain) as live:
        reader = Reader()
        await plain.threads.accept(said("a"))
        await plain.marked("a-1")
        dropped = said("b")
        await plain.threads.accept(dropped)
        plain.release()
        await reader.read(live, until_done=2)
        assert [end["status"] for end in reader.ended] == ["completed", "dropped"]
        assert reader.ended[1]["events"] == [dropped.id]
        await plain.threads.accept(said("c"))
        await reader.read(live, until_done=3)
    assert await texts(plain) == ["a", "c"]
    assert [message.status for message in (await plain.transcript(THREAD)).messages] == ["", "", "dropped", "", ""]


async def test_a_platforms_thread_is_streamed_while_somebody_follows(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    async with following(plain) as live:
        thread = "standard:t1"
        event = Event(delivery="standard:1", thread=thread, kind="message", text="say 5 and 95", author=Author("u"))
        await plain.threads.accept(event)
        await plain.marked("word4")
        async with asyncio.timeout(30), live.follow(thread) as events:
            kinds = []
            async for stored in events:
                plain.release()
                kinds.append(stored.kind)
                if stored.kind == "done":
                    break
        assert "text" in kinds
