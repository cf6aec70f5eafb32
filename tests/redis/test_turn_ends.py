"""The end of a turn is recorded in the step that ends it, and what was said to us stays, whatever became of it."""

from __future__ import annotations

import msgspec
import pytest

from answerback.agents.outcome import Status, earlier_messages, ended, replaced, user_messages
from answerback.events import Event
from answerback.messages import Message, TurnEnd
from answerback.store.chats.answers import TurnAnswer, answer
from answerback.store.chats.chats import Chats
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.records import Claim, Commit
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import end_of
from answerback.store.threads.views import transcript
from tests.redis.given import THREAD, accept, claim, event, lapse, letter
from worker.turns.dead_letters import move_to_dead_letters


def _said(turn: str, *texts: str) -> list[Message]:
    return [Message(role="assistant", id=f"{turn}.{n}", text=text, turn=turn) for n, text in enumerate(texts)]


def _commit(held: Claim, status: Status, *texts: str) -> Commit:
    events = held.events
    turn = events[-1].id
    earlier = earlier_messages(held.history, events)
    said = [*user_messages(earlier, events, turn), *_said(turn, *texts)]
    return Commit(
        thread=held.thread,
        fence=held.fence,
        owner=held.owner,
        position=held.position,
        turn=turn,
        handled=len(held.entries),
        messages=said,
        end=ended(turn, events, status, said, at=1),
        replaced=replaced(earlier),
    )


async def _dead_letter(threads: Threads, held: Claim, code: str = "agent_failed") -> None:
    await move_to_dead_letters(threads, held, letter(held), held.entries[0], code)


async def _shown(threads: Threads) -> list[tuple[str, str]]:
    found = await transcript(threads, THREAD)
    assert found is not None
    return [(m.text, (m.failed and "failed") or m.status) for m in found.messages]


async def _answer(threads: Threads, number: int) -> TurnAnswer | None:
    return await answer(threads, THREAD, event(number).id)


@pytest.mark.parametrize("status", ["completed", "cancelled", "ignored", "dropped"])
@pytest.mark.parametrize("texts", [(), ("one", "two")])
async def test_the_end_of_a_turn_is_what_it_was_told_to_be(
    threads: Threads, status: Status, texts: tuple[str, ...]
) -> None:
    await accept(threads, 1)
    assert await _answer(threads, 1) is None
    await threads.commit(_commit(await claim(threads), status, *texts))
    found = await _answer(threads, 1)
    assert found is not None
    assert (found.status, [m.text for m in found.messages]) == (status, list(texts))


async def test_a_commit_that_is_said_twice_ends_its_turn_once(threads: Threads) -> None:
    await accept(threads, 1)
    commit = _commit(await claim(threads), "completed", "yes")
    for _ in range(2):
        await threads.commit(commit)
    assert await threads.database.call("LLEN", f"ab:{{0}}:ends:{THREAD}") == 1
    assert await _shown(threads) == [("message 1", ""), ("yes", "")]


async def test_what_was_said_stays_when_its_turn_failed_and_no_agent_is_given_it(threads: Threads) -> None:
    await accept(threads, 1, 2)
    await _dead_letter(threads, await claim(threads), "unreachable")
    end = await end_of(threads, THREAD, event(1).id)
    assert end is not None
    assert (end.status, end.code, end.reason) == ("failed", "unreachable", "the agent could not be reached")
    found = await _answer(threads, 1)
    assert found is not None
    assert (found.status, found.code) == ("failed", "unreachable")
    assert await _shown(threads) == [("message 1", "failed")]
    held = await claim(threads)
    assert [m.failed for m in held.history] == ["unreachable"]
    assert user_messages(earlier_messages(held.history, [event(1)]), [event(1)], event(1).id), "it is added again"
    await threads.commit(_commit(held, "completed", "yes"))
    assert await _shown(threads) == [("message 1", "failed"), ("message 2", ""), ("yes", "")]


async def test_what_is_put_back_waits_again_and_is_answered_in_the_place_of_what_failed(threads: Threads) -> None:
    await accept(threads, 1)
    for failures in range(2):
        await _dead_letter(threads, await claim(threads))
        assert await _shown(threads) == [("message 1", "failed")], failures
        assert await DeadLetters(threads).replay(event(1).id)
        assert await _answer(threads, 1) is None
        assert await _shown(threads) == [], "it waits again"
    await threads.commit(_commit(await claim(threads), "completed", "yes"))
    assert await _shown(threads) == [("message 1", ""), ("yes", "")]
    found = await _answer(threads, 1)
    assert found is not None
    assert found.status == "completed"


async def test_an_interrupted_turn_is_answered_by_the_next_and_both_ends_are_told(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    said = [*user_messages([], held.events, held.events[-1].id), *_said(event(1).id, "one moment")]
    end = ended(event(1).id, held.events, "interrupted", said, at=1)
    await threads.release(held, "interrupted", end=end, messages=said)
    await accept(threads, 2)
    held = await claim(threads)
    await threads.take_more_events(held, 10, interruptible=False)
    await threads.commit(_commit(held, "completed", "all of it"))
    for number in (1, 2):
        found = await _answer(threads, number)
        assert found is not None
        assert (found.turn, found.status) == (event(2).id, "completed")
        assert [m.text for m in found.messages] == ["all of it"]
    assert [text for text, _ in await _shown(threads)] == ["message 1", "one moment", "message 2", "all of it"]


async def test_an_interrupted_turn_that_fails_then_stands_there_once(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    said = user_messages([], held.events, held.events[-1].id)
    await threads.release(held, "interrupted", messages=said)
    await lapse(threads)
    await _dead_letter(threads, await claim(threads))
    assert await _shown(threads) == [("message 1", "failed")]


async def test_ends_are_kept_within_bounds_and_older_ones_are_read_from_the_history(threads: Threads) -> None:
    wide = Threads(threads.database, window=1, history=5)
    for number in range(1, 301):
        await accept(wide, number)
        await wide.commit(_commit(await claim(wide), "completed", f"answer {number}"))
    assert 200 <= await wide.database.call("LLEN", f"ab:{{0}}:ends:{THREAD}") <= 250
    for number in (1, 150, 299):
        found = await _answer(wide, number)
        assert found is not None
        assert (found.status, [m.text for m in found.messages]) == ("completed", [f"answer {number}"])


async def test_what_was_answered_before_ends_were_recorded_is_still_read(threads: Threads) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    old = msgspec.structs.replace(_commit(held, "completed", "yes"), end=None)
    held.entries = await threads.commit(old)
    held.position += 1
    cut = [msgspec.structs.replace(m, status="cancelled") for m in _said(event(2).id, "so f")]
    said = [Message(role="user", id=event(2).id, text="message 2", turn=event(2).id), *cut]
    await threads.commit(msgspec.structs.replace(_commit(held, "completed"), messages=said, end=None))
    found = [await _answer(threads, number) for number in (1, 2)]
    assert [each.status for each in found if each] == ["completed", "cancelled"]


async def test_a_chats_list_holds_each_message_from_the_moment_it_is_stored(threads: Threads) -> None:
    chats = Chats(threads)
    chat = await chats.open("acme", "th_1")
    for number in range(3):
        await chats.say("acme", "th_1", _chat_event(number))
    page = await chats.messages("acme", "th_1")
    assert (page.messages, [e.text for e in page.waiting]) == ([], ["0", "1", "2"])
    held = await claim(threads)
    await _dead_letter(threads, held)
    await threads.commit(_commit(await claim(threads), "completed", "yes"))
    page = await chats.messages("acme", "th_1", limit=1)
    assert ([m.failed for m in page.messages], page.waiting) == (["agent_failed"], [])
    page = await chats.messages("acme", "th_1", cursor=page.cursor or "")
    assert ([m.text for m in page.messages], [e.text for e in page.waiting]) == (["1", "yes"], ["2"])
    whole = await chats.snapshot("acme", "th_1")
    assert [m.text for m in whole.messages] == ["0", "1", "yes"]
    assert chat.id == "th_1"


def _chat_event(number: int) -> Event:
    return msgspec.structs.replace(event(number), delivery="", thread="", text=str(number), message=f"m{number}")


def test_an_end_that_newer_code_wrote_is_read_as_far_as_it_is_known() -> None:
    newer = msgspec.msgpack.encode({"turn": "t", "events": ["t"], "status": "completed", "mood": "good"})
    assert msgspec.msgpack.decode(newer, type=TurnEnd).status == "completed"
