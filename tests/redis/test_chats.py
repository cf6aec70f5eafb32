"""Chats: opened once, said to on conditions, changed, ended, and taken away whole."""

from __future__ import annotations

import asyncio

import pytest

from answerback.errors import BadCursor, Busy, LeaseLost, NoSuchThread, ThreadDiffers, ThreadEnded
from answerback.events import Event
from answerback.messages import Author
from answerback.store import keys
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.search import Filter
from answerback.store.threads.threads import Threads
from tests.redis.given import claim, counters, dead_letter, dump, event, step, turn


def says(message: str, **given: object) -> Event:
    """A message of a chat, as a route makes it."""
    return Event(delivery="", thread="", kind="message", text=message, author=Author("ada"), message=message, **given)  # type: ignore[arg-type]


@pytest.fixture
def chats(threads: Threads) -> Chats:
    """The chats of an empty store."""
    return Chats(threads)


async def test_a_chat_is_there_before_its_first_message(chats: Chats) -> None:
    given = NewChat(user="ada", agent="helper", title="Lunch", system="Be brief.", metadata={"lead": 7, "a": [None]})
    made = await chats.open("acme", opening=given)
    assert made.id.startswith("th_")
    assert made.thread == f"chat:acme:{made.id}"
    assert (made.workspace, made.user, made.agent, made.title) == ("acme", "ada", "helper", "Lunch")
    assert (made.system, made.metadata, made.status, made.state) == ("Be brief.", given.metadata, "open", "idle")
    assert made.created == made.updated > 0
    assert await chats.get("acme", made.id) == made


async def test_opening_one_again_gives_the_same_and_other_parameters_are_refused(chats: Chats) -> None:
    first = await chats.open("acme", "one", NewChat(title="Lunch"))
    await chats.change("acme", "one", title="Dinner", pinned=True)
    again = await chats.open("acme", "one", NewChat(title="Lunch"))
    assert (again.title, again.pinned, again.created) == ("Dinner", True, first.created)
    with pytest.raises(ThreadDiffers):
        await chats.open("acme", "one", NewChat(title="Breakfast"))
    assert (await chats.open("other", "one", NewChat(title="Breakfast"))).thread == "chat:other:one"


async def test_a_chat_is_given_another_agent_and_other_instructions(chats: Chats) -> None:
    await chats.open("acme", "th_1", NewChat(agent="sales", system="Sell."))
    opened = await chats.change("acme", "th_1", title="x")
    assert (opened.agent, opened.system, opened.reassigned) == ("sales", "Sell.", False)
    await chats.say("acme", "th_1", says("m_1"))
    changed = await chats.change("acme", "th_1", agent="support", system="")
    assert (changed.agent, changed.system, changed.reassigned) == ("support", "", True)
    await chats.say("acme", "th_1", says("m_2"))
    assert [event.agent for event in (await chats.snapshot("acme", "th_1")).waiting] == ["sales", "support"]
    assert (await chats.change("acme", "th_1", agent="")).agent == ""
    same = await chats.open("acme", "th_1", NewChat(agent="sales", system="Sell."))
    assert (same.system, same.reassigned) == ("", True), "opened again, it stays as it was changed"


async def test_another_workspace_has_no_name_for_it(chats: Chats) -> None:
    await chats.open("acme", "one")
    for workspace, id in (("other", "one"), ("acme", "two"), ("other", "acme:one"), ("a", "cme:one"), ("acme", "")):
        assert await chats.get(workspace, id, platforms=True) is None
        assert not await chats.purge(workspace, id)
        with pytest.raises(NoSuchThread):
            await chats.say(workspace, id, says("1"))
        with pytest.raises(NoSuchThread):
            await chats.change(workspace, id, title="mine")
        with pytest.raises(NoSuchThread):
            await chats.messages(workspace, id)
    assert (await chats.list("other")).chats == []
    assert (await chats.list("default", platforms=True)).chats == []


async def test_a_message_is_an_event_of_its_chat(chats: Chats, threads: Threads) -> None:
    await chats.open("acme", "one", NewChat(agent="helper", system="Be brief."))
    receipt = await chats.say("acme", "one", says("m1"))
    assert (receipt.status, receipt.thread) == ("accepted", "chat:acme:one")
    assert (await chats.say("acme", "one", says("m1"))).status == "duplicate"
    await chats.say("acme", "one", says("m2", agent="other", system="Be long."))
    held = await claim(threads)
    said = held.entries[0].event
    assert (said.delivery, said.platform, said.channel, said.direct) == ("chat:acme:one:m1", "chat", "acme", True)
    assert (said.agent, held.system, said.id) == ("helper", "Be brief.", receipt.dispatch_id)
    (following,) = await threads.commit(turn(held))
    assert (following.event.agent, following.event.system) == ("other", "Be long.")
    chat = await chats.get("acme", "one")
    assert chat
    assert (chat.state, chat.waiting, chat.messages, chat.agent) == ("running", 1, 2, "helper")


async def test_an_ended_chat_takes_no_message_and_answers_what_waits(chats: Chats, threads: Threads) -> None:
    await chats.open("acme", "one")
    await chats.say("acme", "one", says("m1"))
    assert (await chats.end("acme", "one")).status == "ended"
    before = await dump(threads.database)
    with pytest.raises(ThreadEnded):
        await chats.say("acme", "one", says("m2"))
    assert await dump(threads.database) == before
    assert (await chats.say("acme", "one", says("m1"))).status == "duplicate"
    assert (await claim(threads)).entries[0].event.text == "m1"


async def test_a_message_that_may_not_wait_is_refused_while_anyone_works_or_waits(
    chats: Chats, threads: Threads
) -> None:
    await chats.open("acme", "one")
    found = await asyncio.gather(
        *[chats.say("acme", "one", says(f"m{n}", arrival="drop")) for n in range(10)], return_exceptions=True
    )
    assert [type(one) for one in found].count(Busy) == 9
    before = await dump(threads.database)
    with pytest.raises(Busy):
        await chats.say("acme", "one", says("m10", arrival="drop"))
    assert await dump(threads.database) == before
    held = await claim(threads)
    with pytest.raises(Busy):
        await chats.say("acme", "one", says("m11", arrival="drop"))
    assert await threads.commit(turn(held)) == []
    assert (await chats.say("acme", "one", says("m12", arrival="drop"))).status == "accepted"
    assert (await counters(threads))["accepted"] == 2


async def test_lists_go_by_what_was_said_last_and_a_change_moves_nothing(chats: Chats, threads: Threads) -> None:
    for number in range(4):
        await chats.open("acme", f"c{number}", NewChat(user=("ada", "bob")[number % 2]))
        await passes(threads.database)
    await chats.say("acme", "c1", says("m"))
    await passes(threads.database)
    await chats.change("acme", "c0", title="Lunch")
    assert [chat.id for chat in (await chats.list("acme")).chats] == ["c1", "c3", "c2", "c0"]
    assert [chat.id for chat in (await chats.list("acme", user="ada")).chats] == ["c2", "c0"]
    assert [chat.id for chat in (await chats.list("acme", user="bob")).chats] == ["c1", "c3"]
    assert (await chats.list("acme", user="eve")).chats == []


async def test_a_list_read_in_pages_neither_repeats_nor_misses_what_stays(database: Database) -> None:
    chats = Chats(Threads(database, partitions=3))
    # Many in one millisecond: their order is no accident either.
    await asyncio.gather(*[chats.open("acme", f"c{number}") for number in range(60)])
    found: list[str] = []
    cursor = ""
    while True:
        page = await chats.list("acme", cursor=cursor, limit=7)
        found += [chat.id for chat in page.chats]
        if page.cursor is None:
            break
        cursor = page.cursor
        await passes(database)
        for id in {found[0], found[-1]}:
            await chats.say("acme", id, says(f"m{len(found)}"))
    assert sorted(found) == sorted(f"c{number}" for number in range(60))


async def test_a_list_is_filtered_within_bounds(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("answerback.store.chats.listing.LOOK", 20)
    for number in range(50):
        await chats.open("acme", f"c{number:02}")
    await chats.change("acme", "c03", pinned=True, archived=True)
    await chats.change("acme", "c44", pinned=True)
    pages = [await chats.list("acme", wanted=Filter(pinned=True), limit=5)]
    while cursor := pages[-1].cursor:
        pages.append(await chats.list("acme", wanted=Filter(pinned=True), limit=5, cursor=cursor))
    assert [chat.id for page in pages for chat in page.chats] == ["c44", "c03"]
    assert [chat.id for chat in (await chats.list("acme", wanted=Filter(archived=True), limit=5)).chats] == []
    assert len((await chats.list("acme", wanted=Filter(archived=False), limit=10)).chats) == 10
    assert len(pages) > 1


async def test_threads_of_platforms_are_shown_where_they_may_be(chats: Chats, threads: Threads) -> None:
    await threads.accept(event(1))
    await chats.open("default", "one")
    await chats.open("acme", "two")
    await chats.open("default", "hidden", NewChat(ephemeral=True))
    shown = await chats.list("default", platforms=True)
    assert {chat.id for chat in shown.chats} == {"github:1:1", "one"}
    assert [chat.id for chat in (await chats.list("default")).chats] == ["one"]
    await threads.commit(turn(await claim(threads)))
    chat = await chats.get("default", "github:1:1", platforms=True)
    assert chat
    assert (chat.platform, chat.agent, chat.messages) == ("github", "helper", 2)
    assert len((await chats.messages("default", "github:1:1", platforms=True)).messages) == 2
    for hidden in (chats.get("default", "github:1:1"), chats.get("acme", "github:1:1", platforms=True)):
        assert await hidden is None


async def test_messages_are_read_in_pages(chats: Chats, threads: Threads) -> None:
    await chats.open("acme", "one")
    for number in range(5):
        await chats.say("acme", "one", says(f"m{number}"))
        await threads.commit(turn(await claim(threads)))
    found, cursor = [], ""
    while True:
        page = await chats.messages("acme", "one", cursor=cursor, limit=3)
        found += [message.text for message in page.messages]
        if page.cursor is None:
            break
        cursor = page.cursor
    assert found == [text for number in range(5) for text in (f"m{number}", "yes")]


@pytest.mark.parametrize("cursor", ["x", "W10", "W251bGxd", "é", "bnVsbA", "WyJhIiwiYiJd", "\ud800"])
async def test_a_cursor_of_someone_elses_making_is_refused(chats: Chats, cursor: str) -> None:
    await chats.open("acme", "one")
    with pytest.raises(BadCursor):
        await chats.list("acme", cursor=cursor)
    with pytest.raises(BadCursor):
        await chats.messages("acme", "one", cursor=cursor)


async def test_what_is_taken_away_leaves_nothing_and_stops_who_works_there(
    chats: Chats, threads: Threads, letters: DeadLetters
) -> None:
    await chats.open("acme", "one", NewChat(user="ada"))
    await chats.say("acme", "one", says("m1"))
    await dead_letter(threads, await claim(threads))
    await chats.say("acme", "one", says("m2"))
    await chats.say("acme", "one", says("m3"))
    held = await claim(threads)
    await threads.step(step(held, "look"))
    assert await chats.purge("acme", "one")
    assert not await chats.purge("acme", "one")
    left = [name.decode() for name in await threads.database.call("KEYS", "*")]
    assert all(":seen:" in name or name.endswith((":counters", ":wake", ":clock", ":partitions")) for name in left), (
        left
    )
    assert (await counters(threads)).get("waiting", 0) == 0
    with pytest.raises(LeaseLost):
        await threads.commit(turn(held))
    # Nor may it write into one that is opened by the same name.
    await chats.open("acme", "one")
    await chats.say("acme", "one", says("m4"))
    other = await claim(threads)
    with pytest.raises(LeaseLost):
        await threads.commit(turn(held))
    assert await threads.commit(turn(other)) == []


async def test_what_was_to_be_short_is_taken_away_after_an_hour(chats: Chats, threads: Threads) -> None:
    for id in ("old", "new"):
        await chats.open("acme", id, NewChat(ephemeral=True))
        await chats.say("acme", id, says("m1"))
    assert (await chats.list("acme")).chats == []
    await threads.database.call("ZINCRBY", keys.ephemeral(0), -3_600_001, "chat:acme:old")
    assert await chats.purge_ephemeral() == 1
    assert await chats.get("acme", "old") is None
    assert await chats.get("acme", "new") is not None


async def test_what_may_be_asked_for_again_is_there_for_as_long(chats: Chats, threads: Threads) -> None:
    await chats.open("acme", "named", NewChat(ephemeral=True), kept=86_400)
    await chats.open("acme", "named", NewChat(ephemeral=True), kept=0)
    name = keys.ephemeral(0)
    await threads.database.call("ZINCRBY", name, -86_400_000, "chat:acme:named")
    assert await chats.purge_ephemeral() == 0, "a day later"
    await threads.database.call("ZINCRBY", name, -3_600_001, "chat:acme:named")
    assert await chats.purge_ephemeral() == 1


async def passes(database: Database) -> None:
    """The clock of Redis goes on by a millisecond."""
    now = await database.now()
    while await database.now() == now:
        pass
