"""Whom a GitHub comment addresses: by GitHub's grammar, and in what its author says, not in what stands there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.events import Event
from answerback.platforms import github
from answerback.platforms.github.mentions import mentions
from tests.fixtures.deliveries import load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a and @B-c, @a again", ("a", "b-c")),
        ("(@a) “@b” *@c* @d. _@e_ __@f__", ("a", "b", "c", "d", "e", "f")),
        ("你好@a，请问", ("a",)),
        ("@answerbot[bot] please", ("answerbot",)),
        (".@a look", ("a",)),
        ("Thanks.@a can you?", ("a",)),
        ("-@a —@b :@c /@d \\@e", ("a", "b", "c", "d", "e")),
        ("@a... @b.. @c: @d's @e! @f;", ("a", "b", "c", "d", "e", "f")),
        ("@ada_acme @ada_acme, but not snake_@case", ("ada_acme",)),
        ("mail me@example.com, @example.com, x@y or @org/team, @org/", ()),
        ("@a- @b-- but @c-d", ("c-d",)),
        ("@ @- @-a @_ @é", ()),
        ("@" + "a" * 100, ()),
    ],
)
def test_a_mention_is_what_githubs_own_rule_takes_for_one(text: str, expected: tuple[str, ...]) -> None:
    assert mentions(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "`@a` ```@b``` `` `@c` ``",
        "<!-- @c --> text <!-- @d\n@e -->",
        "<!--\n\n@c\n\n-->\nyes",
        "```\n@a\n```",
        "~~~~ py\n@a\n~~~\n@b\n~~~~",
        "```\n@a\n\n@b never closed",
        "    @a\n\n    @b",
        "yes\n\n\t@a",
        "- item\n\n      @a\n",
        "- item\n\n  ```py\n  @a\n\n  @b\n  ```\n  no",
        "1. item\n   ```\n   @a\n   ```\n2. no",
        "* a\n  * b\n    ~~~\n    @a\n    ~~~",
        "<pre>\n@a\n\n@b</pre>",
        "<code>@a</code> and <pre>@b</pre> and <a href='x'>@c</a>",
        '<img alt="@a" src="b">',
        "[@a](https://github.com/a) ![@b](c.png) [@c][1]",
        "https://example.com/@a www.example.com/@b <https://example.com/@c> http://x.y/?q=.@d",
        "<me.@a.com> mailto:me@a.com",
        "> @a said",
        ">@a\n>> @b\n> > @c",
        "- > @a",
        "   > @a",
        "> ```\n> @a\n> ```\n> @b",
        "> ```\n> code\n\nno",
        "<!-- never closed\n\n@a",
    ],
)
def test_what_its_author_does_not_say_mentions_nobody(text: str) -> None:
    assert mentions(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "```\ncode\n```\n@a",
        "```not a block``` @a",
        "`unclosed @a",
        "\\`@a\\`",
        "text\n    @a",
        "- item\n\n    @a",
        "- item\n@a",
        "- item\n  @a\n\nno",
        "-   @a",
        "1) @a",
        "[ ] @a",
        "- [x] @a",
        "# @a",
        "| x | y |\n| - | - |\n| @a | z |",
        "- ```\n  code\n@a",
        "- ```\n  code\n  ```\n  @a",
        "* * *\n@a",
        "> quoted\n\n@a",
        "> quoted\n@a",
        "<!-- note --> @a",
        "<!-- note -->\n@a",
        "<details>\n\n@a\n</details>",
        "<b>@a</b>",
        "[link](x) @a [not a link]",
        "see https://example.com @a",
        "a < b, @a > c",
        "2 ``` 3 @a",
        "\r\n@a\r\n",
    ],
)
def test_what_its_author_says_beside_it_mentions(text: str) -> None:
    assert mentions(text) == ("a",)


@given(st.text(alphabet="@ab1 -*+#._)(:/!\r\n"))
def test_a_text_without_markup_mentions_the_same_beside_markup(text: str) -> None:
    assert mentions(text) == mentions(f"{text}\n\n`code`")


@pytest.mark.parametrize("name", ["mention_after_dot", "mention_after_sentence", "mention_after_dash"])
def test_a_mention_behind_a_sign_is_one(name: str) -> None:
    [event] = github.parse(load("github", f"issue_comment.created.{name}"))  # type: ignore[misc]
    assert isinstance(event, Event)
    assert event.mentions == ("answerbot",)


@pytest.mark.parametrize("name", ["quoted_mention", "quoted_twice"])
def test_a_quoted_mention_is_no_new_one(name: str) -> None:
    [event] = github.parse(load("github", f"issue_comment.created.{name}"))  # type: ignore[misc]
    assert isinstance(event, Event)
    assert event.mentions == ()


def test_mentions_are_bounded() -> None:
    assert len(mentions(" ".join(f"@u{number}" for number in range(500)))) == 50


@pytest.mark.parametrize("text", ["<blockquote>@ada hi</blockquote>", "<blockquote>\n\n@ada hi\n\n</blockquote>\n\nno"])
def test_a_quote_in_html_mentions_nobody(text: str) -> None:
    assert mentions(text) == ()
    assert mentions(f"{text}\n\n@bob look") == ("bob",)
