"""Buttons in words: what is written below a message, and what a number stands for."""

from __future__ import annotations

import pytest

from answerback.events import Action
from answerback.outgoing import Button, Select
from answerback.platforms.choices import choices, in_words, number_of, problem

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
