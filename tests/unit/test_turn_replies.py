"""What a turn posts and changes: each reply has the same key in every attempt, and is checked before it is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from answerback import Agent, Button, File, Listen, ReviewComment, Select, Template, Turn, UnsupportedReply
from answerback.agents.composer import Composer
from answerback.agents.journal import Journal
from answerback.agents.memory import Killed, MemoryThread
from answerback.codec import encode
from answerback.errors import FilesFull
from answerback.events import Event
from answerback.messages import Attachment, Author
from answerback.outgoing import ReplyContent
from answerback.platforms import Client
from answerback.platforms.standard.api import Standard
from answerback.replies import Reply
from answerback.steps import Record
from tests.fixtures.able import Able

Think = Callable[[Turn], Awaitable[Any]]

PLAIN = Standard("whsec_c3RhbmRpbi1zdGFuZGFyZC1zZWNyZXQ=", "https://standard.test")
"""A platform that can post texts, and nothing else."""


async def _outbox(think: Think, client: Client | None = None, *, attempts: int = 1, kill: str = "") -> list[Reply]:
    """Return what is to be sent after a turn, which may be killed once."""
    async with _thread(think, client, attempts=attempts) as thread:
        if kill:
            thread.kill_at(kill)
            with pytest.raises(Killed):
                await thread.send(_event(thread))
            await thread.resume()
        else:
            await thread.send(_event(thread))
        return thread.outbox


def _thread(think: Think, client: Client | None = None, *, attempts: int = 1) -> MemoryThread:
    agent = Agent("a", think, listen=Listen(when=("every",)))
    return MemoryThread(agent, id="slack:T:C:1.2", clients={"slack": client or Able()}, attempts=attempts)


def _event(thread: MemoryThread) -> Event:
    who = Author("ada")
    return Event(delivery="slack:1", thread=thread.id, kind="message", text="hi", author=who, message="1.2")


def _short(reply: Reply) -> tuple[str, str, str, ReplyContent | None]:
    return (reply.key.partition(".")[2], reply.kind, reply.text, reply.content)


async def test_buttons_are_below_the_last_part_and_files_follow() -> None:
    async def think(turn: Turn) -> None:
        files: list[File | Attachment] = [
            File("a.csv", b"1"),
            File("b.csv", b"2"),
            Attachment(name="c.txt", content_type="text/plain", text="3"),
        ]
        await turn.reply("0123456789abc", actions=[Button("Yes", value="1")], files=files)

    first, second, two_files, third_file = await _outbox(think)
    assert _short(first) == ("0.0", "message", "0123456789", None)
    assert _short(second) == ("0.1", "message", "abc", ReplyContent(actions=(Button("Yes", value="1", name="Yes"),)))
    assert [two_files.key[-2:], two_files.text, third_file.key[-2:]] == [".2", "", ".3"]
    assert two_files.content is not None
    assert third_file.content is not None
    names = [
        (file.name, file.content_type, file.size) for file in (*two_files.content.files, *third_file.content.files)
    ]
    assert names == [("a.csv", "text/csv", 1), ("b.csv", "text/csv", 1), ("c.txt", "text/plain", 1)]


async def test_a_template_goes_with_its_message_where_the_platform_has_templates() -> None:
    template = Template("ready", "en", {"1": 7})  # type: ignore[dict-item]

    async def think(turn: Turn) -> None:
        await turn.reply("ready", template=template)
        with pytest.raises(UnsupportedReply, match="fit into one message"):
            await turn.reply("0123456789abc", template=template)
        with pytest.raises(UnsupportedReply, match="text beside it"):
            await turn.reply(" ", template=template)
        with pytest.raises(TypeError):
            await turn.reply("ready", template="ready")  # type: ignore[arg-type]

    class Templates(Able):
        extras = frozenset({"template"})

    (reply,) = await _outbox(think, Templates())
    assert _short(reply) == ("0", "message", "ready", ReplyContent(template=Template("ready", "en", {"1": "7"})))

    async def elsewhere(turn: Turn) -> None:
        await turn.reply("ready", template=template)

    (reply,) = await _outbox(elsewhere, PLAIN)
    assert (reply.text, reply.content) == ("ready", None)


async def test_files_are_stored_beside_the_journal_under_the_same_id_in_each_attempt() -> None:
    contents, ids = [], []

    async def think(turn: Turn) -> None:
        await turn.reply("see", files=[File("a.bin", bytes([turn.attempt]))])
        assert turn.journal.raw["reply#1"].count(b"a.bin") == 1
        await turn.step("then", step)

    async def step() -> None:
        pass

    async with _thread(think, attempts=3) as thread:
        thread.kill_at("reply", "before")
        with pytest.raises(Killed):
            await thread.send(_event(thread))
        await thread.resume()
        (_, reply) = thread.outbox
        assert reply.content is not None
        ids += [file.file for file in reply.content.files]
        contents += [await thread._records.read_file(id) for id in ids]
        (message,) = [each for each in thread.history if each.role == "assistant"]
        assert [each.file for each in message.attachments] == ids
    assert contents == [bytes([2])]


async def test_each_change_is_stored_once_with_the_same_key_whatever_dies() -> None:
    comment = ReviewComment(path="a.py", line=1, text="!")

    async def think(turn: Turn) -> None:
        await turn.react("eyes")
        sent = await turn.reply("one", actions=[Button("Stop")])
        await sent.edit("two")
        gone = await turn.reply("three")
        await gone.delete()
        await turn.react(":eyes:", remove=True)
        await turn.check("tests", state="in_progress")
        await turn.check("tests", state="success", summary="All is well.")
        await turn.review("fine", verdict="approve", comments=[comment])
        await turn.step("last", last, idempotent=True)

    async def last() -> None:
        pass

    whole = await _outbox(think)
    turn = whole[0].key.partition(".")[0]
    stop = ReplyContent(actions=(Button("Stop", name="Stop"),))
    assert [_short(reply) for reply in whole] == [
        ("reaction0", "reaction", "", ReplyContent(target="1.2", reaction="eyes")),
        ("0", "message", "one", stop),
        ("edit1", "edit", "two", ReplyContent(target=f"{turn}.0")),
        ("1", "message", "three", None),
        ("delete2", "delete", "", ReplyContent(target=f"{turn}.1")),
        ("reaction3", "reaction", "", ReplyContent(target="1.2", reaction="eyes", removed=True)),
        ("check4", "check", "", ReplyContent(check="tests", state="in_progress")),
        ("check5", "check", "", ReplyContent(target=f"{turn}.check4", check="tests", state="success",
                                            summary="All is well.")),
        ("2", "review", "fine", ReplyContent(verdict="approve", comments=(comment,))),
    ]  # fmt: skip
    for kill in ("step:last", "reply"):
        assert await _outbox(think, attempts=3, kill=kill) == whole


async def test_changes_inside_a_step_that_is_not_run_again_are_known() -> None:
    async def think(turn: Turn) -> None:
        async def inside() -> None:
            sent = await turn.reply("one")
            await sent.edit("two")
            await turn.check("tests", state="queued")

        await turn.step("inside", inside)
        await turn.check("tests", state="success")
        await turn.reply("three")

    thread = _thread(think)
    await thread.send(_event(thread))
    assert thread.replies == ["two", "three"]
    whole = thread.outbox
    async with _thread(think, attempts=3) as thread:
        thread.kill_at("commit", "before")
        with pytest.raises(Killed):
            await thread.send(_event(thread))
        await thread.resume()
        assert (thread.replies, thread.outbox) == (["two", "three"], whole)


async def test_the_history_has_what_is_shown_in_the_end() -> None:
    async def think(turn: Turn) -> None:
        sent = await turn.reply("one", actions=[Button("A")])
        await sent.edit("two", actions=[Select("size", (("Small", "s"), ("L", "L")))])
        await (await turn.reply("three")).delete()

    async with _thread(think) as thread:
        await thread.send(_event(thread))
        (message,) = [each for each in thread.history if each.role == "assistant"]
        assert (message.text, message.actions) == ("two", (Select("size", (("Small", "s"), ("L", "L"))),))


async def test_a_chat_keeps_buttons_as_data_and_changes_only_the_turns_own_messages() -> None:
    seen: list[str] = []

    async def think(turn: Turn) -> None:
        sent = await turn.reply("one", actions=[Button("A")])
        await sent.edit("two", actions=[Button("B")])
        for change in (turn.react("eyes"), turn.sent("elsewhere").edit("x"), turn.check("c", state="queued")):
            try:
                await change
            except UnsupportedReply as refusal:
                seen.append(str(refusal))

    async with MemoryThread(Agent("a", think)) as thread:
        await thread.say("hi")
        assert [message.actions for message in thread.history] == [(), (Button("B", name="B"),)]
    assert seen == [
        "a chat has no reactions",
        "in a chat only the messages of the same turn can be changed",
        "a chat has no check runs",
    ]


REFUSED: list[tuple[str, Client, Callable[[Turn], Awaitable[Any]]]] = [
    ("standard has no buttons", PLAIN, lambda turn: turn.reply("a", actions=[Button("b")])),
    ("cannot be sent to standard", PLAIN, lambda turn: turn.reply("a", files=[File("a", b"a")])),
    ("has no reactions", PLAIN, lambda turn: turn.react("eyes")),
    ("has no edits", PLAIN, lambda turn: turn.sent("x").edit("y")),
    ("it is forbidden", Able(100), lambda turn: turn.reply("forbidden")),
    ('named "b"', Able(), lambda turn: turn.reply("a", actions=[Button("b"), Button("b", value="2")])),
    ("need a text", Able(), lambda turn: turn.reply("  ", actions=[Button("b")])),
    ("needs a label", Able(), lambda turn: turn.reply("a", actions=[Button(" ")])),
    ("needs options", Able(), lambda turn: turn.reply("a", actions=[Select("x", ())])),
    ("is empty", Able(), lambda turn: turn.reply("a", files=[File("a.csv", b"")])),
    ("to nothing", Able(), lambda turn: turn.sent("x").edit(" ")),
    ("no message is named", Able(), lambda turn: turn.sent("").delete()),
    ("verdict is one of", Able(), lambda turn: turn.review("a", verdict="great")),  # type: ignore[arg-type]
    ("state is one of", Able(), lambda turn: turn.check("a", state="great")),  # type: ignore[arg-type]
    ("name of an emoji", Able(), lambda turn: turn.react("::")),
]


@pytest.mark.parametrize(("words", "client", "act"), REFUSED, ids=[words for words, *_ in REFUSED])
async def test_what_cannot_be_done_is_refused_in_words_and_nothing_is_stored(
    words: str, client: Client, act: Callable[[Turn], Awaitable[Any]]
) -> None:
    async def think(turn: Turn) -> str:
        with pytest.raises(UnsupportedReply, match=words):
            await act(turn)
        return "fine"

    async with MemoryThread(
        Agent("a", think, listen=Listen(when=("every",))),
        id="standard:1",
        clients={"standard": client},
    ) as thread:
        event = Event(
            delivery="standard:1", thread=thread.id, kind="message", text="hi", author=Author("ada"), message="m"
        )
        await thread.send(event)
        assert [reply.text for reply in thread.outbox] == ["fine"]
        assert (thread.steps, thread._records.files) == ((), {})


async def test_a_refused_reply_that_nobody_catches_is_a_dead_letter_at_once() -> None:
    async def think(turn: Turn) -> None:
        await turn.react("eyes")

    thread = _thread(think, PLAIN, attempts=5)
    with pytest.raises(UnsupportedReply):
        await thread.send(_event(thread))
    (letter,) = thread.dead_letters
    assert (letter.attempts, letter.reason) == (1, "UnsupportedReply: slack has no reactions that an agent could make")


async def test_a_reply_that_the_version_before_has_recorded_is_not_made_again() -> None:
    stored: list[str] = []

    async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
        stored.append(name)

    event = Event(delivery="slack:1", thread="slack:T:C:1.2", kind="message", text="hi", author=Author("ada"))
    journal = Journal({"reply#1": encode(Record("done", 0, encode("recorded"), once=False))}, write)
    turn = Turn(
        agent="a", events=[event], history=[], attempt=2, state={}, journal=journal, compose=Composer(Able(), event)
    )
    sent = await turn.reply("made by other code")
    turn.journal.close()
    assert (sent.key, [reply.text for reply in turn.replies], stored) == (f"{event.id}.0", ["recorded"], [])


async def test_files_for_which_there_is_no_room_are_refused_in_words() -> None:
    async def full(file: File) -> None:
        raise FilesFull("100 bytes")

    async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
        pass

    event = Event(delivery="slack:1", thread="slack:T:C:1.2", kind="message", text="hi", author=Author("ada"))
    turn = Turn(
        agent="a", events=[event], history=[], attempt=1, state={}, journal=Journal({}, write),
        compose=Composer(Able(), event), write_file=full,
    )  # fmt: skip
    with pytest.raises(UnsupportedReply, match=r"no room for a\.csv: 100 bytes"):
        await turn.reply("see", files=[File("a.csv", b"1")])
