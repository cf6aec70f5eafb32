from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.platforms.fences import closing, open_fence, without_code
from answerback.platforms.text import encodable, split

MARKDOWN = st.lists(
    st.sampled_from(
        [
            "word ",
            "a sentence. ",
            "\n",
            "\n\n",
            "```\n",
            "\n```py\n",
            "\n~~~\n",
            "````\n",
            "x" * 40,
            "👩‍👩‍👧‍👦",
            "é",
            "  - item\n",
        ]
    ),
    max_size=80,
).map("".join)


def test_a_text_within_the_limit_is_one_part() -> None:
    assert split("hello", 64) == ["hello"]
    assert split("", 64) == [""]
    assert split("x" * 64, 64) == ["x" * 64]


def test_a_text_is_cut_between_paragraphs_if_it_has_any() -> None:
    first, second = "one. " * 12, "two. " * 12
    assert split(f"{first.strip()}\n\n{second.strip()}", 100) == [first.strip(), second.strip()]


def test_a_text_is_cut_between_lines_before_sentences_before_words() -> None:
    line = "a line that says something. And one more thing here"
    assert split(f"{line}\n{line}", 90) == [line, line]
    sentence = "This is a sentence of some length."
    assert split(" ".join([sentence] * 3), 90) == [f"{sentence} {sentence}", sentence]
    assert all(part.split() == ["word"] * len(part.split()) for part in split("word " * 50, 64))


def test_indentation_survives_a_cut() -> None:
    item = "    - an item with some words in it"
    assert split("\n".join([item] * 4), 120)[1].startswith("    - ")


def test_a_code_block_cut_in_two_is_closed_and_opened_again() -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(40))
    parts = split(f"Look:\n\n```python\n{code}\n```\n\nThat is all.", 130)
    assert len(parts) > 3
    assert all(open_fence(part)[0] == "" for part in parts)
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts[1:-1])
    seen = [line for part in parts for line in part.splitlines() if line.startswith("line_")]
    assert seen == code.splitlines()


def test_a_code_block_that_begins_late_moves_to_the_next_part_whole() -> None:
    code = "```\n" + "code\n" * 10 + "```"
    assert split("word " * 20 + "\n\n" + code, 140) == [("word " * 20).strip(), code]


def test_a_part_never_ends_with_an_empty_code_block() -> None:
    code = "```py\n" + "x = 1\n" * 8 + "```"
    for limit in range(64, 120):
        assert not any("```py\n```" in part for part in split(f"{'word ' * 10}\n{code}\nend", limit))


def test_a_family_is_not_torn_apart() -> None:
    family = "👩\u200d👩\u200d👧\u200d👦"
    for offset in range(16):
        parts = split("x" * offset + family * 20, 64)
        assert all(part.strip("x").replace(family, "") == "" for part in parts)
    accents = split("e\u0301" * 100, 65)
    assert not any(part.startswith("\u0301") for part in accents)


def test_halves_of_a_surrogate_pair_are_joined_and_lone_ones_replaced() -> None:
    assert encodable("\ud83d\ude00") == "😀"
    assert encodable("a\ud83db") == "a\ufffdb"
    assert split("a\udc00", 64) == ["a\ufffd"]


@given(MARKDOWN, st.integers(64, 300))
def test_every_part_fits_is_balanced_and_nothing_is_lost(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(len(part) <= limit for part in parts)
    if len(parts) > 1:
        assert all(part.strip() for part in parts)
        assert all(open_fence(part)[0] == "" for part in parts[:-1])

    def words(many: str) -> str:
        return "".join(many.replace("`", "").replace("~", "").replace("py\n", "\n").split())

    assert words("\n".join(parts)) == words(text)


@given(st.text(st.characters(codec=None), max_size=400), st.integers(64, 100))  # lone surrogates included
def test_any_text_can_be_split_and_encoded(text: str, limit: int) -> None:
    for part in split(text, limit):
        assert len(part.encode("utf-8").decode()) <= limit


def test_an_open_fence_is_closed_by_as_many_marks() -> None:
    assert closing("text") == ""
    assert closing("````py\n```\ncode") == "\n````"
    assert closing("```\ncode\n```") == ""
    assert closing("```inline``` only") == ""


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("a `@b` c", "a   c"),
        ("a ``@b ` @c`` d", "a   d"),
        ("a ` @b", "a ` @b"),
        ("x `open\n\nparagraph` @b", "x `open\n\nparagraph` @b"),
        ("a\n```\n@b\n```\nc", "a\n\n\n\nc"),
        ("a\n```\n@b", "a\n"),
        ("a <!-- @b --> c <!-- @d", "a  c "),
    ],
)
def test_code_and_comments_are_not_spoken(text: str, spoken: str) -> None:
    assert without_code(text) == spoken


def test_hostile_markdown_takes_no_longer_than_long_markdown() -> None:
    runs = list(range(1, 350))
    random.Random(1).shuffle(runs)
    hostile = [
        "<!--" * 16_000,
        " ".join("`" * length for length in runs),
        "```\n" * 16_000,
        "`x" * 32_000,
        "\n\n" * 32_000,
    ]
    began = time.process_time()
    for text in hostile:
        without_code(text)
        split(text, 1000)
    assert time.process_time() - began < 2
