from __future__ import annotations

import pytest

from answerback.platforms.github.mentions import mentions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a and @B-c, @a again", ("a", "b-c")),
        ("(@a) “@b” *@c* @d.", ("a", "b", "c", "d")),
        ("你好@a，请问", ("a",)),
        ("@answerbot[bot] please", ("answerbot",)),
        ("mail me@example.com, see x/@y or @org/team", ()),
        ("`@a` ```@b``` <!-- @c -->", ()),
        ("```\n@a\n```\n@b", ("b",)),
        ("> @a said", ("a",)),
        ("@ @- @-a @_", ()),
        ("@" + "a" * 100, ()),
        ("@@a", ()),
    ],
)
def test_mentions_are_the_logins_outside_code(text: str, expected: tuple[str, ...]) -> None:
    assert mentions(text) == expected


def test_mentions_are_bounded() -> None:
    assert len(mentions(" ".join(f"@u{number}" for number in range(500)))) == 50
