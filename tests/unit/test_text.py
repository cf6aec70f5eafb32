from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.platforms.blocks import closing, follow
from answerback.platforms.text import encodable, joint, split

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
            "\n10. step\n\n",
            "\n    ```sh\n",
            "\n    ```\n",
            "    code\n",
            "\n- > said\n",
            "\n> ",
            "\n> ```\n",
            "\t",
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
    assert all(follow(part)[0].fence == "" for part in parts)
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts[1:-1])
    seen = [line for part in parts for line in part.splitlines() if line.startswith("line_")]
    assert seen == code.splitlines()


STEPS = "\n".join(f"line_{number} = {number}" for number in range(60))


def indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else "" for line in text.split("\n"))


@pytest.mark.parametrize(
    ("before", "by", "after"),
    [
        ("Do this:\n\n10. Run\n\n", "    ", "\n\n11. And then rest."),
        ("- a\n  - b\n    - c\n\n", "      ", "\n\n- d"),
        ("1. a\n\n", "   ", "\n\n2. b"),
        ("- a\n", "\t", "\n- d"),
        ("> he said\n>\n", "> ", "\n\nsure"),
        ("> 10. he said\n>\n", ">     ", "\n\nsure"),
    ],
)
@pytest.mark.parametrize("closed", [True, False])
def test_a_code_block_in_a_list_or_quote_cut_in_two_is_code_in_both(
    before: str, by: str, after: str, closed: bool
) -> None:
    """As models write it, below "10. " or nested bullets: indented by four and more."""
    # A block that is not closed ends where what holds it does.
    code = indented(f"```python\n{STEPS}" + ("\n```" if closed else ""), by)
    parts = split(before + code + after, 260)
    assert len(parts) > 3
    # Each is balanced, and the marks that open and close are no more indented than a reader of the part can know.
    assert all(follow(part)[0].fence == "" for part in parts)
    assert all(part.lstrip("> ").startswith("```python\n") for part in parts[1:-1])
    assert all(part.count("```") % 2 == 0 for part in parts)
    seen = [line.strip("> \t") for part in parts for line in part.splitlines() if "line_" in line]
    assert seen == STEPS.splitlines()
    assert parts[-1].endswith(after.strip())


def test_what_goes_on_with_a_list_in_the_next_part_does_not_become_code() -> None:
    text = "10. Step\n\n" + "\n\n".join(f"    Paragraph {n} of it.\n    - and more" for n in range(12)) + "\n\n11. Next"
    parts = split(text, 130)
    assert len(parts) > 2
    assert not any(line.startswith("    ") for part in parts[1:] for line in part.splitlines())
    assert parts[-1].endswith("11. Next")


def test_code_that_no_list_holds_stays_as_it_is_indented() -> None:
    assert split("Look:\n\n    ```\n    code\n\nand " + "on " * 40, 100)[0].startswith(
        "Look:\n\n    ```\n    code\n\nand"
    )


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
        assert all(follow(part)[0].fence == "" for part in parts[:-1])

    def words(many: str) -> str:
        for sign in ("`", "~", ">"):
            many = many.replace(sign, "")
        return "".join(re.sub(r"(py|sh)$", "", many, flags=re.MULTILINE).split())

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
    assert closing("10. a\n\n    ```py\n    x") == "\n    ```"
    assert closing("> ```py\n> x") == "\n> ```"
    assert closing("- ```py\nx") == ""


def test_hostile_markdown_takes_no_longer_than_long_markdown() -> None:
    runs = list(range(1, 350))
    random.Random(1).shuffle(runs)
    hostile = [
        "<!--" * 16_000,
        " ".join("`" * length for length in runs),
        "```\n" * 16_000,
        "`x" * 32_000,
        "\n\n" * 32_000,
        "- " * 32_000,
        "> " * 32_000,
        "".join(" " * (2 * depth) + "- a\n" for depth in range(250)),
        "10. a\n" + "    b\n" * 10_000,
    ]
    began = time.process_time()
    for text in hostile:
        split(text, 1000)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello", "Hell"),
        ("Hello wor", "Hello wo"),
        ("Hello ", "Hell"),
        ("So.\n\n", "S"),
        ("Look: <!chan", "Loo"),
        ("Look: <!channel> is", "Look: <!channel> i"),
        ("日本語", "日本"),
        ("!!!", ""),
        ("", ""),
        ("x", ""),
    ],
)
def test_a_text_that_is_being_written_is_cut_within_a_word(text: str, shown: str) -> None:
    assert text[: joint(text)] == shown
