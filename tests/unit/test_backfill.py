"""What a platform's history has of a thread, merged with what was overheard there."""

from __future__ import annotations

import msgspec

from answerback.agents.backfill import TEXT, TEXTS, Backfilled, merge, newest
from answerback.events import dispatch_id
from answerback.messages import Author, Gap, Message
from answerback.platforms import Spoken

ADA = Author("U1", "Ada")


def spoken(number: int, text: str = "", own: bool = False, reply: str = "") -> Spoken:
    return Spoken(
        message=f"m{number}", author=ADA, text=text or f"text {number}", at=number, delivery=f"slack:T:C:{number}",
        identities=("bot:B1",) if own else ("user:U1",), reply=reply,
    )  # fmt: skip


def overheard(number: int, *, delivery: str = "") -> Message:
    return Message(
        role="user", text=f"text {number}", id=dispatch_id(delivery or f"slack:T:C:{number}"), at=number,
        message=f"m{number}", author=ADA,
    )  # fmt: skip


def is_own(one: Spoken) -> bool:
    return "bot:B1" in one.identities


def texts(history: list[Message], read: Backfilled) -> list[str]:
    """The history as it becomes."""
    changes = merge(history, read, is_own)
    kept = history[: len(history) - len(changes.replaced)]
    assert [*kept, *changes.replaced] == history
    return [message.text for message in [*kept, *changes.messages]]


def read(*numbers: int, gap: Gap | None = None) -> Backfilled:
    return Backfilled(tuple(map(spoken, numbers)), gap)


def test_what_was_said_before_comes_before_what_was_overheard_each_once() -> None:
    history = [overheard(3), overheard(5)]
    assert texts(history, read(1, 2, 3, 4, 5)) == [f"text {number}" for number in range(1, 6)]
    assert texts([], read(1, 2)) == ["text 1", "text 2"]
    assert texts(history, read()) == ["text 3", "text 5"]


def test_a_message_is_known_by_any_of_its_ids() -> None:
    other = Message(role="user", text="text 1", id="x", message="m1", at=1)
    webhook = Message(role="user", text="text 2", id=dispatch_id("slack:T:C:2"), at=2)
    ours = Message(role="assistant", text="text 3", id="t.0", reply="t.0", at=3)
    known = Backfilled((spoken(1), spoken(2), spoken(3, own=True, reply="t.0"), spoken(4)))
    assert texts([other, webhook, ours], known) == ["text 1", "text 2", "text 3", "text 4"]


def test_where_the_platform_lists_what_was_overheard_its_order_counts() -> None:
    early = [msgspec.structs.replace(overheard(number), at=2) for number in (4, 6)]
    assert texts(early, read(1, 2, 3, 4, 5, 6)) == [f"text {number}" for number in range(1, 7)]
    ours = Message(role="assistant", text="text 4", id="t.0", reply="t.0", at=1)
    known = Backfilled((*map(spoken, (1, 2, 3)), spoken(4, own=True, reply="t.0"), spoken(5)))
    assert texts([ours], known) == [f"text {number}" for number in range(1, 6)]


def test_authors_are_kept_and_our_own_messages_are_the_agents() -> None:
    changes = merge([], Backfilled((spoken(1), spoken(2, own=True, reply="t.0"))), is_own)
    person, ours = changes.messages
    assert (person.role, person.author, person.message, person.backfilled) == ("user", ADA, "m1", True)
    assert (ours.role, ours.author, ours.reply, ours.backfilled) == ("assistant", None, "t.0", True)
    assert person.id == dispatch_id("slack:T:C:1"), "the id that its event would have"


def test_only_what_changes_is_replaced() -> None:
    history = [overheard(1), overheard(2), overheard(4)]
    changes = merge(history, read(3), is_own)
    assert list(changes.replaced) == history[2:]
    assert [message.text for message in changes.messages] == ["text 3", "text 4"]
    assert merge(history, read(1, 2), is_own) == ([], [])


def test_a_gap_has_its_line_where_the_messages_are_missing() -> None:
    missing = "(Messages are missing here. They have not been read yet.)"
    assert texts([overheard(9)], read(5, 6, gap=Gap(cursor="older"))) == [missing, "text 5", "text 6", "text 9"]
    forward = Gap(cursor="newer", after="m2")
    assert texts([overheard(9)], read(1, 2, gap=forward)) == ["text 1", "text 2", missing, "text 9"]
    assert texts([overheard(9)], read(gap=Gap(before="m10"))) == [missing, "text 9"]


def test_a_gap_is_filled_later() -> None:
    history = list(merge([overheard(9)], read(1, 2, gap=Gap(cursor="newer", after="m2")), is_own).messages)
    answer = Message(role="assistant", text="yes", id="t.0", at=10)
    assert texts([*history, answer], read(3, 4)) == ["text 1", "text 2", "text 3", "text 4", "text 9", "yes"]
    again = texts([*history, answer], read(3, gap=Gap(cursor="newer", after="m3")))
    assert again[2:4] == ["text 3", "(Messages are missing here. They have not been read yet.)"]


def test_of_more_than_is_wanted_the_first_and_the_newest_stay() -> None:
    kept = newest([spoken(number) for number in range(100)], 4, None)
    assert [one.message for one in kept.messages] == ["m0", "m97", "m98", "m99"]
    assert kept.gap == Gap(after="m0", final=True)
    assert texts([], kept)[1] == "(Messages are missing here.)"
    assert newest([spoken(1), spoken(2)], 4, None) == read(1, 2)
    assert newest([], 4, None) == Backfilled()


def test_long_messages_are_cut_and_many_of_them_left_out() -> None:
    kept = newest([spoken(number, "x" * (TEXT + 5)) for number in range(100)], 90, None)
    assert {len(one.text) for one in kept.messages} == {TEXT}
    assert len(kept.messages) == TEXTS // TEXT
    assert kept.gap == Gap(after="m0", final=True)


def test_messages_of_one_millisecond_stay_in_their_order() -> None:
    def at(number: int) -> Spoken:
        return Spoken(message=f"m{number}", author=ADA, text=f"text {number}", at=7, delivery=f"slack:T:C:{number}")

    first = Backfilled((at(1), at(2)), Gap(cursor="newer", after="m2"))
    history = list(merge([], first, is_own).messages)
    assert texts(history, Backfilled((at(3), at(4)))) == [f"text {number}" for number in range(1, 5)]
    older = list(merge([], Backfilled((at(3), at(4)), Gap(cursor="older")), is_own).messages)
    assert texts(older, Backfilled((at(1), at(2)))) == [f"text {number}" for number in range(1, 5)]
    listed = Backfilled((at(1), at(2), at(3)))
    for number in (1, 2, 3):
        assert texts([msgspec.structs.replace(overheard(number), at=7)], listed) == ["text 1", "text 2", "text 3"]
