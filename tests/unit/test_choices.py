"""Buttons as text: the numbered choices below a message, and the press that a number becomes."""

from __future__ import annotations

from typing import Literal

import pytest

from answerback.events import Action, Event
from answerback.messages import Author, Message
from answerback.outgoing import Button, Select
from answerback.platforms.choices import choices, in_words, number_of, problem
from answerback.pressing import numbered

OFFERED = (
    Button("Deploy", value="1.4", name="deploy"),
    Button("Site", url="https://a.example"),
    Select("size", (("Small", "s"), ("Large", ""))),
)


def test_choices_are_numbered_in_their_order_and_addresses_follow() -> None:
    assert in_words(OFFERED) == "1. Deploy\n2. Small\n3. Large\nReply with the number.\nSite: https://a.example"
    assert in_words([Button("Yes")]) == "1. Yes\nReply 1."
    assert in_words([Button("Site", url="https://a.example")]) == "Site: https://a.example"
    assert [choice.action for choice in choices(OFFERED)] == [
        Action(type="button", name="deploy", value="1.4"),
        Action(type="select", name="size", value="s"),
        Action(type="select", name="size", value="Large"),
    ]


def test_a_number_is_the_press_of_what_the_last_answer_offers() -> None:
    def message(turn: str, *actions: Button | Select, role: Literal["user", "assistant"] = "assistant") -> Message:
        return Message(role=role, text="?", turn=turn, id=f"{turn}.0", reply=f"{turn}.0", actions=actions)

    def event(choice: int) -> Event:
        who = Author("ada")
        return Event(delivery="twilio:1", thread="t", kind="message", text=str(choice), author=who, choice=choice)

    asked = [message("a", *OFFERED), message("a"), message("b", role="user")]
    press = numbered(asked, event(1))
    assert press.action == Action(type="button", name="deploy", value="1.4", message="a.0")
    assert (press.kind, press.text, press.reply, press.choice) == ("button", "pressed Deploy (value: 1.4)", "a.0", 0)
    assert numbered(asked, event(3)).text == "chose Large"
    for history, number in ((asked, 0), (asked, 4), ([], 1), ([*asked, message("c")], 1), ([message("a")], 1)):
        assert numbered(history, event(number)) == event(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), (" 2. ", 2), ("3)", 3), ("20", 20), ("0", 0), ("100", 0), ("-1", 0), ("1 2", 0), ("²", 0), ("१", 0),
     ("one", 0), ("", 0)],
)  # fmt: skip
def test_only_a_number_alone_is_a_choice(text: str, number: int) -> None:
    assert number_of(text) == number


def test_more_than_people_can_read_is_refused_in_the_turn() -> None:
    assert not problem(OFFERED)
    assert "20 at most, not 21" in problem([Button(str(number)) for number in range(21)])
    assert "shorter labels" in problem([Button("x" * 700)])
